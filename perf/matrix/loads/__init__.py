"""The loads, by the names of the parts that play them."""

from matrix.loads.bulk import Bulk, Cold
from matrix.loads.idle import Idle
from matrix.loads.live import Live, Rate, Single
from matrix.loads.pgbench import Pgbench

LOADS = {load.name: load for load in (Bulk, Cold, Live, Single, Rate, Pgbench, Idle)}
