package mysql

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"xunjian/checks"
)

// channel is one replication that this server takes part in as a replica.
type channel struct {
	name      string // empty for the unnamed one
	source    string
	io, sql   string // Yes, No, Connecting…
	ioError   string
	sqlError  string
	ioNumber  float64
	sqlNumber float64
	behind    float64 // seconds, negative: unknown
}

// channelLabels tell the channels apart, as mysqld_exporter does.
var channelLabels = []string{labelServer, "master_host", "master_uuid", "channel_name", "connection_name"}

// statements that show the replica's state, the newest first for each kind of
// server.
func (f flavour) replicaStatements() []string {
	if f.maria {
		return []string{"SHOW ALL SLAVES STATUS"}
	}
	if f.major >= 8 {
		return []string{"SHOW REPLICA STATUS", "SHOW SLAVE STATUS"} // before 8.0.22 there is only the second
	}
	return []string{"SHOW SLAVE STATUS"}
}

// readReplica tells how the replica does, and returns its channels; none if the
// server is no replica.
func (r *statusReader) readReplica(ctx context.Context, q querier, kind flavour, name string, out *checks.Output) ([]channel, error) {
	var channels []channel
	var err error
	for _, statement := range kind.replicaStatements() {
		channels = nil
		err = q.each(ctx, statement, func(row row) error {
			channels = append(channels, r.channel(row, name, out))
			return nil
		})
		if errorNumber(err) != syntaxError {
			break
		}
	}
	return channels, err
}

const syntaxError = 1064

// channel reads one row, whatever words the server has for it.
func (r *statusReader) channel(row row, name string, out *checks.Output) channel {
	c := channel{
		name:     cmp.Or(row.text("Connection_name"), row.text("Channel_Name")),
		source:   row.text("Master_Host", "Source_Host"),
		io:       row.text("Slave_IO_Running", "Replica_IO_Running"),
		sql:      row.text("Slave_SQL_Running", "Replica_SQL_Running"),
		ioError:  row.text("Last_IO_Error"),
		sqlError: row.text("Last_SQL_Error"),
		ioNumber: row.number("Last_IO_Errno"), sqlNumber: row.number("Last_SQL_Errno"),
		behind: -1,
	}
	if v, err := strconv.ParseFloat(row.text("Seconds_Behind_Master", "Seconds_Behind_Source"), 64); err == nil {
		c.behind = v
	}
	values := []string{name, c.source, row.text("Master_UUID", "Source_UUID"), row.text("Channel_Name"), row.text("Connection_name")}
	for i, column := range row.names {
		v, ok := figure(row.values[i])
		if !ok {
			continue
		}
		key := "slave_status_" + metricName(column)
		t := r.settings[key]
		if t == nil {
			t = &target{desc: checks.NewDesc("mysql_"+key, checks.Untyped, "Generic metric from SHOW SLAVE STATUS.", channelLabels...)}
			r.settings[key] = t
		}
		out.Set(t.desc, v, values...)
	}
	return c
}

// running reports whether both threads work.
func (c channel) running() bool {
	return strings.EqualFold(c.io, "Yes") && strings.EqualFold(c.sql, "Yes")
}

// find says how a replica does. Whether it lags is for rules to judge.
func (c channel) find(out *checks.Output) {
	subject := cmp.Or(c.name, c.source)
	args := map[string]any{"source": c.source, "io": cmp.Or(c.io, "?"), "sql": cmp.Or(c.sql, "?"), "behind": max(c.behind, 0)}
	f := checks.Finding{Subject: subject, Code: "mysql.replica", Verdict: checks.OK, Args: args}
	switch {
	case c.sqlNumber != 0 || c.ioNumber != 0:
		// The IO thread keeps its error while it tries again; the SQL thread stops.
		f.Code, f.Verdict = "mysql.replica_broken", checks.Abnormal
		n, text := c.sqlNumber, c.sqlError
		if n == 0 {
			n, text = c.ioNumber, c.ioError
		}
		args["number"] = n
		f.Evidence = plainMessage(text)
	case !c.running():
		f.Code, f.Verdict = "mysql.replica_stopped", checks.Abnormal
	}
	out.Find(f)
}
