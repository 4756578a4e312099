package mysql

import "xunjian/checks"

// labelServer is on every series: which server it is of. mysqld_exporter leaves
// that to the scrape, since it looks at one server only.
const labelServer = "server"

// mysqld_exporter's.
var (
	descUp = checks.NewDesc("mysql_up", checks.Gauge,
		"Whether the MySQL server is up.", labelServer)
	descVersion = checks.NewDesc("mysql_version_info", checks.Gauge,
		"MySQL version and distribution.", labelServer, "innodb_version", "version", "version_comment")
	descCommands = checks.NewDesc("mysql_global_status_commands_total", checks.Counter,
		"Total number of executed MySQL commands.", labelServer, "command")
	descHandlers = checks.NewDesc("mysql_global_status_handlers_total", checks.Counter,
		"Total number of executed MySQL handlers.", labelServer, "handler")
	descConnectionErrors = checks.NewDesc("mysql_global_status_connection_errors_total", checks.Counter,
		"Total number of MySQL connection errors.", labelServer, "error")
	descBufferPoolPages = checks.NewDesc("mysql_global_status_buffer_pool_pages", checks.Gauge,
		"Innodb buffer pool pages by state.", labelServer, "state")
	descBufferPoolDirty = checks.NewDesc("mysql_global_status_buffer_pool_dirty_pages", checks.Gauge,
		"Innodb buffer pool dirty pages.", labelServer)
	descBufferPoolChanges = checks.NewDesc("mysql_global_status_buffer_pool_page_changes_total", checks.Counter,
		"Innodb buffer pool page state changes.", labelServer, "operation")
	descRowOps = checks.NewDesc("mysql_global_status_innodb_row_ops_total", checks.Counter,
		"Total number of MySQL InnoDB row operations.", labelServer, "operation")
	descSchemaLost = checks.NewDesc("mysql_global_status_performance_schema_lost_total", checks.Counter,
		"Total number of MySQL instrumentations that could not be loaded or created due to memory constraints.", labelServer, "instrumentation")
	descThreads = checks.NewDesc("mysql_info_schema_processlist_threads", checks.Gauge,
		"The number of threads split by current state.", labelServer, "command", "state")
	descThreadSeconds = checks.NewDesc("mysql_info_schema_processlist_seconds", checks.Gauge,
		"The number of seconds threads have used split by current state.", labelServer, "command", "state")
	descByUser = checks.NewDesc("mysql_info_schema_processlist_processes_by_user", checks.Gauge,
		"The number of processes by user.", labelServer, "mysql_user")
	descByHost = checks.NewDesc("mysql_info_schema_processlist_processes_by_host", checks.Gauge,
		"The number of processes by host.", labelServer, "client_host")
	descTableSize = checks.NewDesc("mysql_info_schema_table_size", checks.Gauge,
		"The size of the table components from information_schema.tables, of the largest tables.", labelServer, "schema", "table", "component")
	descTableRows = checks.NewDesc("mysql_info_schema_table_rows", checks.Gauge,
		"The estimated number of rows in the table from information_schema.tables, of the largest tables.", labelServer, "schema", "table")
	descBinlogSize = checks.NewDesc("mysql_binlog_size_bytes", checks.Gauge,
		"Combined size of all registered binlog files.", labelServer)
	descBinlogFiles = checks.NewDesc("mysql_binlog_files", checks.Gauge,
		"Number of registered binlog files.", labelServer)
)

// Our own, for what mysqld_exporter has no name.
var (
	descLongestStatement = checks.NewDesc("xunjian_mysql_longest_statement_seconds", checks.Gauge,
		"How long the longest running statement has run, without replication and the server's own threads.", labelServer)
	descOldestTransaction = checks.NewDesc("xunjian_mysql_oldest_transaction_seconds", checks.Gauge,
		"How long ago the oldest open InnoDB transaction began.", labelServer)
	descLockWaits = checks.NewDesc("xunjian_mysql_lock_waiting_sessions", checks.Gauge,
		"Sessions that wait for a lock: row locks of InnoDB, or locks of whole tables and their definitions.", labelServer, "kind")
	descLongestWait = checks.NewDesc("xunjian_mysql_longest_lock_wait_seconds", checks.Gauge,
		"How long the session has waited for a row lock that waits longest.", labelServer)
	descSchemaSize = checks.NewDesc("xunjian_mysql_schema_size_bytes", checks.Gauge,
		"Data and indexes of all tables of a schema, the largest schemas.", labelServer, "schema")
	descSchemaTables = checks.NewDesc("xunjian_mysql_schema_tables", checks.Gauge,
		"Tables of a schema, the largest schemas.", labelServer, "schema")
)
