-- How far the sink has written: every table holds every row recorded up to the greatest epoch here.
CREATE TABLE IF NOT EXISTS {database}.sink_progress {on_cluster}
(
    epoch UInt64 CODEC(Delta, ZSTD(1)),
    `at` DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toInt64(epoch), 'UTC')
)
ENGINE = {engine}
ORDER BY epoch
SETTINGS {deduplication};
