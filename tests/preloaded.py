"""What the server that processes are forked from imports."""

# ruff: noqa: F401
import bench.preload
import layers.access.access
import layers.auditing
import layers.imports.csv_table
import layers.imports.rejects
import layers.imports.run
import layers.imports.working
import layers.policy
import layers.standards
import layers.stores.access.opening
import layers.stores.access.postgresql
import layers.stores.access.sqlite
import layers.stores.geopackage.store
import layers.stores.postgis.creation
import layers.stores.postgis.single
import layers.stores.postgis.store
import tests.access.workers
import tests.layers.store_workers
