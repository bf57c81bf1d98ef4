"""What every measured process begins with: imports take longer than some of the work."""

import gc

import geopandas  # noqa: F401
import pyarrow.compute  # noqa: F401
import pyogrio  # noqa: F401
import sqlalchemy  # noqa: F401

import bench.harness  # noqa: F401

# Else each process begins with a search through all of this for cycles.
gc.collect()
gc.freeze()
