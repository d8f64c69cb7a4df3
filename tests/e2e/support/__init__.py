"""What the end-to-end tests share: processes, clusters, WAL files and a replication client."""
