"""Names of metrics that a person read in the sample contents, compared with what the rules find."""

from pathlib import Path

import pytest

from hub.content.rules.metric_names import is_built_in
from hub.lint.directories import judge_on_disk
from tests.common.processes import ROOT

SAMPLE = ROOT / "hub/demo/sample/contents"
REAL = ROOT / "tests/data/real-contents/contents"
# Directory → prefix of its metrics → the names in alerts, panels and variables.
TRUTH = {
    SAMPLE / "Redis": """redis_ up memory_used_bytes memory_max_bytes rejected_connections_total
        instance_info master_link_up rdb_last_bgsave_status evicted_keys_total uptime_in_seconds
        connected_clients blocked_clients commands_processed_total commands_total
        keyspace_hits_total keyspace_misses_total net_input_bytes_total net_output_bytes_total
        expired_keys_total db_keys""",
    SAMPLE / "NGINX": """nginx_ up connections_accepted connections_handled connections_waiting
        connections_active http_requests_total connections_reading connections_writing""",
    SAMPLE / "Celery": """celery_ worker_up task_failed_total task_succeeded_total queue_length
        task_runtime_bucket task_received_total worker_tasks_active task_retried_total""",
    SAMPLE / "Ceph": """ceph_ health_status osds_down mons_down cluster_used_bytes
        cluster_capacity_bytes osd_near_full inconsistent_pgs slow_requests""",
    SAMPLE / "Memcached_Exporter": """memcached_ up current_connections max_connections
        items_evicted_total current_bytes limit_bytes commands_total uptime_seconds current_items
        items_reclaimed_total read_bytes_total written_bytes_total""",
    SAMPLE / "Kafka_Exporter": """kafka_ brokers topic_partition_leader
        topic_partition_under_replicated_partition consumergroup_lag consumergroup_members
        topic_partitions topic_partition_leader_is_preferred topic_partition_current_offset
        consumergroup_current_offset topic_partition_oldest_offset""",
    REAL / "Kafka_Exporter": """kafka_ brokers consumergroup_current_offset consumergroup_lag
        consumergroup_members topic_partition_current_offset topic_partition_in_sync_replica
        topic_partition_leader topic_partition_oldest_offset topic_partition_replicas
        topic_partitions""",
    REAL / "Collectd_Exporter": """collectd_ cpu_total load_longterm load_midterm load_shortterm
        memory""",
}
ABSENT = {SAMPLE / "Celery": {"celery_worker_up"}}


@pytest.mark.parametrize("directory", TRUTH, ids=lambda path: f"{path.parts[-3]}-{path.name}")
def test_each_name_has_the_verdict_that_a_reader_gives_it(directory: Path) -> None:
    prefix, *names = TRUTH[directory].split()
    metrics = judge_on_disk(directory).judgement.fit.metrics
    used = {each.name: each for each in metrics if each.uses and not is_built_in(each.name)}
    assert set(used) == {prefix + name for name in names}
    absent = {name for name, metric in used.items() if not metric.versions}
    assert absent == ABSENT.get(directory, set())
