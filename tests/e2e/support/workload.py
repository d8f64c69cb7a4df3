"""WAL with everything in it: bulk loads, small transactions, full-page images, long records."""

from support.lsn import parse_lsn
from support.wal import WalFiles


def write_wal(cluster, megabytes):
    """Works on a running primary until it has written at least this much WAL more, of all kinds."""
    target = parse_lsn(cluster.flush_lsn()) + (megabytes << 20)
    scale = max(1, megabytes // 40)
    cluster.pgbench("-i", "-q", "-s", scale)
    cluster.sql("CREATE TABLE IF NOT EXISTS bulk (id int, words text);"
                "CREATE INDEX IF NOT EXISTS bulk_id ON bulk (id)")
    while True:
        bulk_load(cluster, rows=20_000)
        cluster.sql("CHECKPOINT")  # the next change to each page carries a full-page image
        cluster.pgbench("-n", "-c", 4, "-t", 100 * scale)
        if parse_lsn(cluster.flush_lsn()) >= target:
            return


def bulk_load(cluster, rows):
    """Short rows, a few that go to TOAST, and one record that spans many pages."""
    cluster.sql(f"""
        INSERT INTO bulk SELECT i, repeat(md5(i::text), 1 + i % 20)
            FROM generate_series(1, {rows}) i;
        INSERT INTO bulk SELECT i, string_agg(md5((i * j)::text), '')
            FROM generate_series(1, {rows // 1000}) i, generate_series(1, 1500) j GROUP BY i;
        SELECT pg_logical_emit_message(true, 'e2e', repeat('long record ', 20000));
    """)


def end_inside_a_segment(cluster):
    """Small records until the WAL ends far from where its newest segment begins and ends."""
    margin = cluster.segment_size // 8
    while not margin < parse_lsn(cluster.flush_lsn()) % cluster.segment_size < 7 * margin:
        cluster.sql("SELECT count(pg_logical_emit_message(true, 'e2e', repeat('short ', 50)))"
                    "    FROM generate_series(1, 200)")


def wal_of(cluster):
    return WalFiles(cluster.wal_path, cluster.segment_size)
