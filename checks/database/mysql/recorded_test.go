package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"xunjian/checks"
)

// recorded answers as a server does that cannot be had here: the shapes are
// those of the MySQL 8.0 and 8.4 reference manuals.
type recorded map[string][]string // by how the statement begins: names, then rows, separated by |

func (r recorded) each(_ context.Context, query string, f func(row) error) error {
	for begin, lines := range r {
		if !strings.HasPrefix(query, begin) {
			continue
		}
		names := strings.Split(lines[0], "|")
		for _, line := range lines[1:] {
			one := row{names: names}
			for cell := range strings.SplitSeq(line, "|") {
				one.values = append(one.values, sql.RawBytes(cell))
			}
			if err := f(one); err != nil {
				return err
			}
		}
		return nil
	}
	return &mysql.MySQLError{Number: syntaxError, Message: "You have an error in your SQL syntax near 'REPLICA STATUS' at line 1"}
}

// TestMySQL8Replica: the columns have new names since 8.0.22, and the old
// statement is gone in 8.4.
func TestMySQL8Replica(t *testing.T) {
	kind := flavourOf("8.4.3", "MySQL Community Server - GPL")
	if kind.maria || kind.major != 8 || kind.name() != "MySQL" {
		t.Fatalf("it is %+v", kind)
	}
	q := recorded{"SHOW REPLICA STATUS": {
		"Source_Host|Replica_IO_Running|Replica_SQL_Running|Seconds_Behind_Source|Last_IO_Errno|Last_IO_Error|Last_SQL_Errno|Last_SQL_Error|Source_UUID|Channel_Name",
		"10.0.0.1|Yes|No||0||1062|Coordinator stopped because there were error(s) in the worker(s). Duplicate entry '77' for key 'bid.PRIMARY', Error_code: 1062|3e11fa47|bids",
	}}
	out := checks.NewOutput(0)
	channels, err := newStatusReader().readReplica(t.Context(), q, kind, "db:3306", out)
	if err != nil || len(channels) != 1 {
		t.Fatalf("%v, %v", channels, err)
	}
	res := checks.Result{Samples: out.Samples()}
	for metric, want := range map[string]float64{"mysql_slave_status_replica_io_running": 1, "mysql_slave_status_replica_sql_running": 0} {
		if v, ok := value(res, metric, "10.0.0.1", "3e11fa47", "bids"); !ok || v != want {
			t.Errorf("%s is %v (there: %v), want %v", metric, v, ok, want)
		}
	}
	if _, ok := value(res, "mysql_slave_status_seconds_behind_source"); ok {
		t.Error("a lag is told that nobody knows")
	}
	channels[0].find(out)
	if f := out.Findings()[0]; f.Code != "mysql.replica_broken" || f.Subject != "bids" || strings.Contains(f.Evidence, "77") {
		t.Errorf("finding %+v", f)
	}
}

// TestMySQL80BeforeTheNewWords: 8.0.21 knows the old statement only.
func TestMySQL80BeforeTheNewWords(t *testing.T) {
	q := recorded{"SHOW SLAVE STATUS": {
		"Master_Host|Slave_IO_Running|Slave_SQL_Running|Seconds_Behind_Master|Last_IO_Errno|Last_SQL_Errno", "10.0.0.1|Yes|Yes|3|0|0",
	}}
	channels, err := newStatusReader().readReplica(t.Context(), q, flavourOf("8.0.21", "MySQL"), "db:3306", checks.NewOutput(0))
	if err != nil || len(channels) != 1 || channels[0].behind != 3 || !channels[0].running() {
		t.Errorf("%+v, %v", channels, err)
	}
}

// TestMySQL8Blocking: the lock tables of InnoDB moved to performance_schema.
func TestMySQL8Blocking(t *testing.T) {
	var asked string
	q := spy{recorded{"SELECT r.trx_mysql_thread_id": {
		"waiting_thread|waiting_user|waited_s|waiting_query|locked_table|blocking_thread|blocking_user|blocking_command|blocking_trx_s|blocking_query",
		"12|app|31|UPDATE bid SET price = 4711 WHERE id = 1|bids.bid|9|app|Sleep|60|",
	}}, &asked}
	e, err := blocking(t.Context(), q, flavourOf("8.0.36", "MySQL"))
	if err != nil || len(e.Rows) != 1 || !strings.Contains(asked, "performance_schema.data_lock_waits") {
		t.Fatalf("%v, %v, asked %s", e, err, asked)
	}
	if got := fmt.Sprint(e.Rows); !strings.Contains(got, "UPDATE bid SET price = ? WHERE id = ?") {
		t.Errorf("rows %s", got)
	}
}

type spy struct {
	querier
	asked *string
}

func (s spy) each(ctx context.Context, query string, f func(row) error) error {
	*s.asked += query
	return s.querier.each(ctx, query, f)
}

// TestMySQL8Bounds: MySQL has another name for the limit of a statement.
func TestMySQL8Bounds(t *testing.T) {
	got := strings.Join(flavourOf("8.0.36", "MySQL").bounds(), "; ")
	if !strings.Contains(got, "max_execution_time = 4000") || strings.Contains(got, "max_statement_time") || !strings.Contains(got, "READ ONLY") {
		t.Error(got)
	}
}
