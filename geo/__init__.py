"""Pure spatial computation: arrays in, results in the same order out; no input or output, no clock, no web.

Modules
-------
datum
    WGS 84, CGCS2000, GCJ-02 and BD-09: forward and iterated inverse conversions.
crs
    The one place that reprojects: the stored CRS (EPSG:4490), the metric CRS, what counts as one frame.
shapes
    Representative points, footprints, faults of geometries and the repairs that lose nothing.
cells
    Square, H3 and irregular cells behind one interface (`tessellation`), made by `squares`, `hexagons` and
    `polygon_cells`.
polygon_raster
    In which polygon each position lies, answered by one look for nearly all of them.
counting
    How many positions lie in each cell, by category or day.
cell_areas
    How much ground of polygons lies in each cell, from their edges (`rings`).
parts
    Large arrays worked on in parts that stay in the processor's cache, by a few threads.
overlaps
    What polygons that should lie side by side share, and what they leave between them.
containment
    How far, and by how much, features lie outside the areas they are said to lie in.
duplicates
    Things that bear one label at one place.
nearest
    Straight distance to the nearest facility, by a raster of those that can be nearest.
population
    Residents of communities spread to their buildings.
coverage
    Walking access, coverage limits, covered area and means per cell.
hotspots
    Getis-Ord Gi*, permutations, empirical-Bayes rates, false discovery rate, classes.
rates
    Relative change of a count, with its interval.
index
    A dynamic bounding-box index of features by code.
"""
