package redis

import "xunjian/checks"

// labelServer is on every series: which server it is of. redis_exporter leaves
// that to the scrape.
const labelServer = "server"

func gauge(name, help string, labels ...string) *checks.Desc {
	return checks.NewDesc("redis_"+name, checks.Gauge, help, append([]string{labelServer}, labels...)...)
}

func counter(name, help string, labels ...string) *checks.Desc {
	return checks.NewDesc("redis_"+name, checks.Counter, help, append([]string{labelServer}, labels...)...)
}

// What has a name of redis_exporter's and more than a field behind it.
var (
	descUp               = gauge("up", "Information about the Redis instance: whether it answers.")
	descInstance         = gauge("instance_info", "Information about the Redis instance.", "role", "redis_version", "redis_build_id", "redis_mode", "os", "maxmemory_policy", "tcp_port", "run_id", "process_id", "master_replid")
	descStart            = gauge("start_time_seconds", "Start time of the Redis instance since unix epoch in seconds.")
	descSlaveInfo        = gauge("slave_info", "Information about the Redis slave.", "master_host", "master_port", "read_only")
	descLinkUp           = gauge("master_link_up", "Master link status on Redis slave.", "master_host", "master_port")
	descLastIO           = gauge("master_last_io_seconds_ago", "Master last io seconds ago.", "master_host", "master_port")
	descSync             = gauge("master_sync_in_progress", "Master sync in progress.", "master_host", "master_port")
	descSlaveOffset      = gauge("slave_repl_offset", "Slave replication offset.", "master_host", "master_port")
	descReplicaOffset    = gauge("connected_slave_offset_bytes", "Offset of connected slave.", "slave_ip", "slave_port", "slave_state")
	descReplicaLag       = gauge("connected_slave_lag_seconds", "Lag of connected slave.", "slave_ip", "slave_port", "slave_state")
	descKeys             = gauge("db_keys", "Total number of keys by DB.", "db")
	descExpiring         = gauge("db_keys_expiring", "Total number of expiring keys by DB.", "db")
	descTTL              = gauge("db_avg_ttl_seconds", "Avg TTL in seconds.", "db")
	descCommands         = counter("commands_total", "Total number of calls per command.", "cmd")
	descCommandTime      = counter("commands_duration_seconds_total", "Total amount of time in seconds spent per command.", "cmd")
	descCommandsRejected = counter("commands_rejected_calls_total", "Total number of errors prior command execution per command.", "cmd")
	descCommandsFailed   = counter("commands_failed_calls_total", "Total number of errors within command execution per command.", "cmd")
	descErrors           = counter("errors_total", "Total number of errors per error type.", "err")
	descSlowLength       = gauge("slowlog_length", "Total slowlog.")
	descSlowLast         = gauge("slowlog_last_id", "Last id of slowlog.")
	descSlowTime         = gauge("last_slow_execution_duration_seconds", "The amount of time needed for last slow execution, in seconds.")
	descLinkDown         = checks.NewDesc("xunjian_redis_master_link_down_seconds", checks.Gauge, "How long the link to the master has been down.", labelServer, "master_host", "master_port")
)

// fieldDescs are the fields of INFO that are a series each, under
// redis_exporter's names.
var fieldDescs = map[string]*checks.Desc{
	"uptime_in_seconds":                          gauge("uptime_in_seconds", "Field uptime_in_seconds of INFO."),
	"process_id":                                 gauge("process_id", "Field process_id of INFO."),
	"io_threads_active":                          gauge("io_threads_active", "Field io_threads_active of INFO."),
	"connected_clients":                          gauge("connected_clients", "Field connected_clients of INFO."),
	"blocked_clients":                            gauge("blocked_clients", "Field blocked_clients of INFO."),
	"maxclients":                                 gauge("max_clients", "Field maxclients of INFO."),
	"tracking_clients":                           gauge("tracking_clients", "Field tracking_clients of INFO."),
	"clients_in_timeout_table":                   gauge("clients_in_timeout_table", "Field clients_in_timeout_table of INFO."),
	"pubsub_clients":                             gauge("pubsub_clients", "Field pubsub_clients of INFO."),
	"watching_clients":                           gauge("watching_clients", "Field watching_clients of INFO."),
	"total_watched_keys":                         gauge("total_watched_keys", "Field total_watched_keys of INFO."),
	"total_blocking_keys":                        gauge("total_blocking_keys", "Field total_blocking_keys of INFO."),
	"total_blocking_keys_on_nokey":               gauge("total_blocking_keys_on_nokey", "Field total_blocking_keys_on_nokey of INFO."),
	"client_longest_output_list":                 gauge("client_longest_output_list", "Field client_longest_output_list of INFO."),
	"client_biggest_input_buf":                   gauge("client_biggest_input_buf", "Field client_biggest_input_buf of INFO."),
	"client_recent_max_output_buffer":            gauge("client_recent_max_output_buffer_bytes", "Field client_recent_max_output_buffer of INFO."),
	"client_recent_max_input_buffer":             gauge("client_recent_max_input_buffer_bytes", "Field client_recent_max_input_buffer of INFO."),
	"allocator_active":                           gauge("allocator_active_bytes", "Field allocator_active of INFO."),
	"allocator_allocated":                        gauge("allocator_allocated_bytes", "Field allocator_allocated of INFO."),
	"allocator_resident":                         gauge("allocator_resident_bytes", "Field allocator_resident of INFO."),
	"allocator_frag_ratio":                       gauge("allocator_frag_ratio", "Field allocator_frag_ratio of INFO."),
	"allocator_frag_bytes":                       gauge("allocator_frag_bytes", "Field allocator_frag_bytes of INFO."),
	"allocator_muzzy":                            gauge("allocator_muzzy_bytes", "Field allocator_muzzy of INFO."),
	"allocator_rss_ratio":                        gauge("allocator_rss_ratio", "Field allocator_rss_ratio of INFO."),
	"allocator_rss_bytes":                        gauge("allocator_rss_bytes", "Field allocator_rss_bytes of INFO."),
	"used_memory":                                gauge("memory_used_bytes", "Field used_memory of INFO."),
	"used_memory_rss":                            gauge("memory_used_rss_bytes", "Field used_memory_rss of INFO."),
	"used_memory_peak":                           gauge("memory_used_peak_bytes", "Field used_memory_peak of INFO."),
	"used_memory_lua":                            gauge("memory_used_lua_bytes", "Field used_memory_lua of INFO."),
	"used_memory_vm_eval":                        gauge("memory_used_vm_eval_bytes", "Field used_memory_vm_eval of INFO."),
	"used_memory_scripts_eval":                   gauge("memory_used_scripts_eval_bytes", "Field used_memory_scripts_eval of INFO."),
	"used_memory_overhead":                       gauge("memory_used_overhead_bytes", "Field used_memory_overhead of INFO."),
	"used_memory_startup":                        gauge("memory_used_startup_bytes", "Field used_memory_startup of INFO."),
	"used_memory_dataset":                        gauge("memory_used_dataset_bytes", "Field used_memory_dataset of INFO."),
	"number_of_cached_scripts":                   gauge("number_of_cached_scripts", "Field number_of_cached_scripts of INFO."),
	"number_of_functions":                        gauge("number_of_functions", "Field number_of_functions of INFO."),
	"number_of_libraries":                        gauge("number_of_libraries", "Field number_of_libraries of INFO."),
	"used_memory_vm_functions":                   gauge("memory_used_vm_functions_bytes", "Field used_memory_vm_functions of INFO."),
	"used_memory_scripts":                        gauge("memory_used_scripts_bytes", "Field used_memory_scripts of INFO."),
	"used_memory_functions":                      gauge("memory_used_functions_bytes", "Field used_memory_functions of INFO."),
	"maxmemory":                                  gauge("memory_max_bytes", "Field maxmemory of INFO."),
	"maxmemory_reservation":                      gauge("memory_max_reservation_bytes", "Field maxmemory_reservation of INFO."),
	"maxmemory_desired_reservation":              gauge("memory_max_reservation_desired_bytes", "Field maxmemory_desired_reservation of INFO."),
	"maxfragmentationmemory_reservation":         gauge("memory_max_fragmentation_reservation_bytes", "Field maxfragmentationmemory_reservation of INFO."),
	"maxfragmentationmemory_desired_reservation": gauge("memory_max_fragmentation_reservation_desired_bytes", "Field maxfragmentationmemory_desired_reservation of INFO."),
	"mem_fragmentation_ratio":                    gauge("mem_fragmentation_ratio", "Field mem_fragmentation_ratio of INFO."),
	"mem_fragmentation_bytes":                    gauge("mem_fragmentation_bytes", "Field mem_fragmentation_bytes of INFO."),
	"mem_clients_slaves":                         gauge("mem_clients_slaves", "Field mem_clients_slaves of INFO."),
	"mem_clients_normal":                         gauge("mem_clients_normal", "Field mem_clients_normal of INFO."),
	"mem_cluster_links":                          gauge("mem_cluster_links_bytes", "Field mem_cluster_links of INFO."),
	"mem_aof_buffer":                             gauge("mem_aof_buffer_bytes", "Field mem_aof_buffer of INFO."),
	"mem_replication_backlog":                    gauge("mem_replication_backlog_bytes", "Field mem_replication_backlog of INFO."),
	"expired_stale_perc":                         gauge("expired_stale_percentage", "Field expired_stale_perc of INFO."),
	"mem_not_counted_for_evict":                  gauge("mem_not_counted_for_eviction_bytes", "Field mem_not_counted_for_evict of INFO."),
	"mem_total_replication_buffers":              gauge("mem_total_replication_buffers_bytes", "Field mem_total_replication_buffers of INFO."),
	"mem_overhead_db_hashtable_rehashing":        gauge("mem_overhead_db_hashtable_rehashing_bytes", "Field mem_overhead_db_hashtable_rehashing of INFO."),
	"lazyfree_pending_objects":                   gauge("lazyfree_pending_objects", "Field lazyfree_pending_objects of INFO."),
	"lazyfreed_objects":                          gauge("lazyfreed_objects", "Field lazyfreed_objects of INFO."),
	"active_defrag_running":                      gauge("active_defrag_running", "Field active_defrag_running of INFO."),
	"active_defrag_hits":                         gauge("defrag_hits", "Field active_defrag_hits of INFO."),
	"active_defrag_misses":                       gauge("defrag_misses", "Field active_defrag_misses of INFO."),
	"active_defrag_key_hits":                     gauge("defrag_key_hits", "Field active_defrag_key_hits of INFO."),
	"active_defrag_key_misses":                   gauge("defrag_key_misses", "Field active_defrag_key_misses of INFO."),
	"loading":                                    gauge("loading_dump_file", "Field loading of INFO."),
	"async_loading":                              gauge("async_loading", "Field async_loading of INFO."),
	"rdb_changes_since_last_save":                gauge("rdb_changes_since_last_save", "Field rdb_changes_since_last_save of INFO."),
	"rdb_bgsave_in_progress":                     gauge("rdb_bgsave_in_progress", "Field rdb_bgsave_in_progress of INFO."),
	"rdb_last_save_time":                         gauge("rdb_last_save_timestamp_seconds", "Field rdb_last_save_time of INFO."),
	"rdb_last_bgsave_status":                     gauge("rdb_last_bgsave_status", "Field rdb_last_bgsave_status of INFO."),
	"rdb_last_bgsave_time_sec":                   gauge("rdb_last_bgsave_duration_sec", "Field rdb_last_bgsave_time_sec of INFO."),
	"rdb_current_bgsave_time_sec":                gauge("rdb_current_bgsave_duration_sec", "Field rdb_current_bgsave_time_sec of INFO."),
	"rdb_saves":                                  gauge("rdb_saves_total", "Field rdb_saves of INFO."),
	"rdb_last_cow_size":                          gauge("rdb_last_cow_size_bytes", "Field rdb_last_cow_size of INFO."),
	"rdb_last_load_keys_expired":                 gauge("rdb_last_load_expired_keys", "Field rdb_last_load_keys_expired of INFO."),
	"rdb_last_load_keys_loaded":                  gauge("rdb_last_load_loaded_keys", "Field rdb_last_load_keys_loaded of INFO."),
	"aof_enabled":                                gauge("aof_enabled", "Field aof_enabled of INFO."),
	"aof_rewrite_in_progress":                    gauge("aof_rewrite_in_progress", "Field aof_rewrite_in_progress of INFO."),
	"aof_rewrite_scheduled":                      gauge("aof_rewrite_scheduled", "Field aof_rewrite_scheduled of INFO."),
	"aof_last_rewrite_time_sec":                  gauge("aof_last_rewrite_duration_sec", "Field aof_last_rewrite_time_sec of INFO."),
	"aof_current_rewrite_time_sec":               gauge("aof_current_rewrite_duration_sec", "Field aof_current_rewrite_time_sec of INFO."),
	"aof_last_cow_size":                          gauge("aof_last_cow_size_bytes", "Field aof_last_cow_size of INFO."),
	"aof_current_size":                           gauge("aof_current_size_bytes", "Field aof_current_size of INFO."),
	"aof_base_size":                              gauge("aof_base_size_bytes", "Field aof_base_size of INFO."),
	"aof_pending_rewrite":                        gauge("aof_pending_rewrite", "Field aof_pending_rewrite of INFO."),
	"aof_buffer_length":                          gauge("aof_buffer_length", "Field aof_buffer_length of INFO."),
	"aof_rewrite_buffer_length":                  gauge("aof_rewrite_buffer_length", "Field aof_rewrite_buffer_length of INFO."),
	"aof_pending_bio_fsync":                      gauge("aof_pending_bio_fsync", "Field aof_pending_bio_fsync of INFO."),
	"aof_delayed_fsync":                          gauge("aof_delayed_fsync", "Field aof_delayed_fsync of INFO."),
	"aof_last_bgrewrite_status":                  gauge("aof_last_bgrewrite_status", "Field aof_last_bgrewrite_status of INFO."),
	"aof_last_write_status":                      gauge("aof_last_write_status", "Field aof_last_write_status of INFO."),
	"module_fork_in_progress":                    gauge("module_fork_in_progress", "Field module_fork_in_progress of INFO."),
	"module_fork_last_cow_size":                  gauge("module_fork_last_cow_size", "Field module_fork_last_cow_size of INFO."),
	"current_eviction_exceeded_time":             gauge("current_eviction_exceeded_time_ms", "Field current_eviction_exceeded_time of INFO."),
	"pubsub_channels":                            gauge("pubsub_channels", "Field pubsub_channels of INFO."),
	"pubsub_patterns":                            gauge("pubsub_patterns", "Field pubsub_patterns of INFO."),
	"pubsubshard_channels":                       gauge("pubsubshard_channels", "Field pubsubshard_channels of INFO."),
	"latest_fork_usec":                           gauge("latest_fork_seconds", "Field latest_fork_usec of INFO."),
	"tracking_total_keys":                        gauge("tracking_total_keys", "Field tracking_total_keys of INFO."),
	"tracking_total_items":                       gauge("tracking_total_items", "Field tracking_total_items of INFO."),
	"tracking_total_prefixes":                    gauge("tracking_total_prefixes", "Field tracking_total_prefixes of INFO."),
	"instantaneous_eventloop_cycles_per_sec":     gauge("instantaneous_eventloop_cycles_per_sec", "Field instantaneous_eventloop_cycles_per_sec of INFO."),
	"instantaneous_eventloop_duration_usec":      gauge("instantaneous_eventloop_duration_usec", "Field instantaneous_eventloop_duration_usec of INFO."),
	"connected_slaves":                           gauge("connected_slaves", "Field connected_slaves of INFO."),
	"repl_backlog_size":                          gauge("replication_backlog_bytes", "Field repl_backlog_size of INFO."),
	"repl_backlog_active":                        gauge("repl_backlog_is_active", "Field repl_backlog_active of INFO."),
	"repl_backlog_first_byte_offset":             gauge("repl_backlog_first_byte_offset", "Field repl_backlog_first_byte_offset of INFO."),
	"repl_backlog_histlen":                       gauge("repl_backlog_history_bytes", "Field repl_backlog_histlen of INFO."),
	"master_repl_offset":                         gauge("master_repl_offset", "Field master_repl_offset of INFO."),
	"second_repl_offset":                         gauge("second_repl_offset", "Field second_repl_offset of INFO."),
	"slave_expires_tracked_keys":                 gauge("slave_expires_tracked_keys", "Field slave_expires_tracked_keys of INFO."),
	"slave_priority":                             gauge("slave_priority", "Field slave_priority of INFO."),
	"sync_full":                                  gauge("replica_resyncs_full", "Field sync_full of INFO."),
	"sync_partial_ok":                            gauge("replica_partial_resync_accepted", "Field sync_partial_ok of INFO."),
	"sync_partial_err":                           gauge("replica_partial_resync_denied", "Field sync_partial_err of INFO."),
	"total_connections_received":                 counter("connections_received_total", "Field total_connections_received of INFO."),
	"total_commands_processed":                   counter("commands_processed_total", "Field total_commands_processed of INFO."),
	"rejected_connections":                       counter("rejected_connections_total", "Field rejected_connections of INFO."),
	"total_net_input_bytes":                      counter("net_input_bytes_total", "Field total_net_input_bytes of INFO."),
	"total_net_output_bytes":                     counter("net_output_bytes_total", "Field total_net_output_bytes of INFO."),
	"total_net_repl_input_bytes":                 counter("net_repl_input_bytes_total", "Field total_net_repl_input_bytes of INFO."),
	"total_net_repl_output_bytes":                counter("net_repl_output_bytes_total", "Field total_net_repl_output_bytes of INFO."),
	"expired_subkeys":                            counter("expired_subkeys_total", "Field expired_subkeys of INFO."),
	"expired_keys":                               counter("expired_keys_total", "Field expired_keys of INFO."),
	"expired_time_cap_reached_count":             counter("expired_time_cap_reached_total", "Field expired_time_cap_reached_count of INFO."),
	"expire_cycle_cpu_milliseconds":              counter("expire_cycle_cpu_time_ms_total", "Field expire_cycle_cpu_milliseconds of INFO."),
	"evicted_keys":                               counter("evicted_keys_total", "Field evicted_keys of INFO."),
	"evicted_clients":                            counter("evicted_clients_total", "Field evicted_clients of INFO."),
	"evicted_scripts":                            counter("evicted_scripts_total", "Field evicted_scripts of INFO."),
	"total_eviction_exceeded_time":               counter("eviction_exceeded_time_ms_total", "Field total_eviction_exceeded_time of INFO."),
	"keyspace_hits":                              counter("keyspace_hits_total", "Field keyspace_hits of INFO."),
	"keyspace_misses":                            counter("keyspace_misses_total", "Field keyspace_misses of INFO."),
	"eventloop_cycles":                           counter("eventloop_cycles_total", "Field eventloop_cycles of INFO."),
	"eventloop_duration_sum":                     counter("eventloop_duration_sum_usec_total", "Field eventloop_duration_sum of INFO."),
	"eventloop_duration_cmd_sum":                 counter("eventloop_duration_cmd_sum_usec_total", "Field eventloop_duration_cmd_sum of INFO."),
	"used_cpu_sys":                               counter("cpu_sys_seconds_total", "Field used_cpu_sys of INFO."),
	"used_cpu_user":                              counter("cpu_user_seconds_total", "Field used_cpu_user of INFO."),
	"used_cpu_sys_children":                      counter("cpu_sys_children_seconds_total", "Field used_cpu_sys_children of INFO."),
	"used_cpu_user_children":                     counter("cpu_user_children_seconds_total", "Field used_cpu_user_children of INFO."),
	"used_cpu_sys_main_thread":                   counter("cpu_sys_main_thread_seconds_total", "Field used_cpu_sys_main_thread of INFO."),
	"used_cpu_user_main_thread":                  counter("cpu_user_main_thread_seconds_total", "Field used_cpu_user_main_thread of INFO."),
	"unexpected_error_replies":                   counter("unexpected_error_replies", "Field unexpected_error_replies of INFO."),
	"total_error_replies":                        counter("total_error_replies", "Field total_error_replies of INFO."),
	"dump_payload_sanitizations":                 counter("dump_payload_sanitizations", "Field dump_payload_sanitizations of INFO."),
	"total_reads_processed":                      counter("total_reads_processed", "Field total_reads_processed of INFO."),
	"total_writes_processed":                     counter("total_writes_processed", "Field total_writes_processed of INFO."),
	"io_threaded_reads_processed":                counter("io_threaded_reads_processed", "Field io_threaded_reads_processed of INFO."),
	"io_threaded_writes_processed":               counter("io_threaded_writes_processed", "Field io_threaded_writes_processed of INFO."),
	"client_query_buffer_limit_disconnections":   counter("client_query_buffer_limit_disconnections_total", "Field client_query_buffer_limit_disconnections of INFO."),
	"client_output_buffer_limit_disconnections":  counter("client_output_buffer_limit_disconnections_total", "Field client_output_buffer_limit_disconnections of INFO."),
	"reply_buffer_shrinks":                       counter("reply_buffer_shrinks_total", "Field reply_buffer_shrinks of INFO."),
	"reply_buffer_expands":                       counter("reply_buffer_expands_total", "Field reply_buffer_expands of INFO."),
	"acl_access_denied_auth":                     counter("acl_access_denied_auth_total", "Field acl_access_denied_auth of INFO."),
	"acl_access_denied_cmd":                      counter("acl_access_denied_cmd_total", "Field acl_access_denied_cmd of INFO."),
	"acl_access_denied_key":                      counter("acl_access_denied_key_total", "Field acl_access_denied_key of INFO."),
	"acl_access_denied_channel":                  counter("acl_access_denied_channel_total", "Field acl_access_denied_channel of INFO."),
	"used_active_time_main_thread":               counter("active_time_main_thread_seconds_total", "Field used_active_time_main_thread of INFO."),
}
