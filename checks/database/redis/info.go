package redis

import (
	"strconv"
	"strings"
	"time"

	"xunjian/checks"
)

// info is what the server says of itself, by section and field.
type info struct {
	fields map[string]string
	// Lists that have a section of their own.
	keyspace, commands, errors []pair
	replicas                   []map[string]string
}

type pair struct{ key, value string }

// parseInfo reads the answer to INFO.
func parseInfo(text string) info {
	in := info{fields: map[string]string{}}
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if name, ok := strings.CutPrefix(line, "# "); ok {
			section = name
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		switch {
		case section == "Keyspace":
			in.keyspace = append(in.keyspace, pair{key, value})
		case section == "Commandstats":
			in.commands = append(in.commands, pair{strings.TrimPrefix(key, "cmdstat_"), value})
		case section == "Errorstats":
			in.errors = append(in.errors, pair{strings.TrimPrefix(key, "errorstat_"), value})
		case section == "Replication" && strings.HasPrefix(key, "slave") && strings.Contains(value, "ip="):
			in.replicas = append(in.replicas, words(value))
		default:
			in.fields[key] = value
		}
	}
	return in
}

// words reads a list like "calls=1,usec=2".
func words(list string) map[string]string {
	m := map[string]string{}
	for word := range strings.SplitSeq(list, ",") {
		if key, value, ok := strings.Cut(word, "="); ok {
			m[key] = value
		}
	}
	return m
}

// number returns a field as a number; 0 if it is none.
func (in info) number(field string) float64 {
	v, _ := figure(in.fields[field])
	return v
}

// figure reads a value as redis_exporter does.
func figure(value string) (float64, bool) {
	switch value {
	case "ok", "true":
		return 1, true
	case "err", "fail", "false":
		return 0, true
	}
	v, err := strconv.ParseFloat(value, 64)
	return v, err == nil
}

// tell writes all figures.
func (in info) tell(label string, now time.Time, out *checks.Output) {
	for field, d := range fieldDescs {
		v, ok := figure(in.fields[field])
		if !ok || in.fields[field] == "" {
			continue
		}
		if field == "latest_fork_usec" {
			v /= 1e6
		}
		out.Set(d, v, label)
	}
	if up, ok := figure(in.fields["uptime_in_seconds"]); ok {
		out.Set(descStart, float64(now.Unix())-up, label)
	}
	f := in.fields
	out.Set(descInstance, 1, label, f["role"], f["redis_version"], f["redis_build_id"], f["redis_mode"], f["os"], f["maxmemory_policy"],
		f["tcp_port"], f["run_id"], f["process_id"], f["master_replid"])
	in.tellReplication(label, out)
	in.tellLists(label, out)
}

func (in info) tellReplication(label string, out *checks.Output) {
	f := in.fields
	if f["role"] == "slave" {
		host, port := f["master_host"], f["master_port"]
		out.Set(descSlaveInfo, 1, label, host, port, f["slave_read_only"])
		out.Set(descLinkUp, truth(f["master_link_status"] == "up"), label, host, port)
		out.Set(descLastIO, in.number("master_last_io_seconds_ago"), label, host, port)
		out.Set(descSync, in.number("master_sync_in_progress"), label, host, port)
		out.Set(descSlaveOffset, in.number("slave_repl_offset"), label, host, port)
		if down, ok := figure(f["master_link_down_since_seconds"]); ok && f["master_link_down_since_seconds"] != "" {
			out.Set(descLinkDown, max(down, 0), label, host, port)
		}
	}
	seen := map[string]bool{}
	for _, r := range in.replicas {
		key := r["ip"] + "\x00" + r["port"] + "\x00" + r["state"]
		if offset, err := strconv.ParseFloat(r["offset"], 64); err == nil && !seen[key] {
			seen[key] = true
			out.Set(descReplicaOffset, offset, label, r["ip"], r["port"], r["state"])
			if lag, err := strconv.ParseFloat(r["lag"], 64); err == nil {
				out.Set(descReplicaLag, lag, label, r["ip"], r["port"], r["state"])
			}
		}
	}
}

// maxCommands bounds the commands and errors that are told one by one.
const maxCommands = 200

func (in info) tellLists(label string, out *checks.Output) {
	for _, db := range in.keyspace {
		w := words(db.value)
		for word, d := range map[string]*checks.Desc{"keys": descKeys, "expires": descExpiring} {
			if v, err := strconv.ParseFloat(w[word], 64); err == nil {
				out.Set(d, v, label, db.key)
			}
		}
		if v, err := strconv.ParseFloat(w["avg_ttl"], 64); err == nil {
			out.Set(descTTL, v/1000, label, db.key)
		}
	}
	for _, c := range in.commands[:min(len(in.commands), maxCommands)] {
		w := words(c.value)
		for _, part := range []struct {
			word string
			desc *checks.Desc
			unit float64
		}{{"calls", descCommands, 1}, {"usec", descCommandTime, 1e6}, {"rejected_calls", descCommandsRejected, 1}, {"failed_calls", descCommandsFailed, 1}} {
			if v, err := strconv.ParseFloat(w[part.word], 64); err == nil {
				out.Set(part.desc, v/part.unit, label, c.key)
			}
		}
	}
	for _, e := range in.errors[:min(len(in.errors), maxCommands)] {
		if v, err := strconv.ParseFloat(words(e.value)["count"], 64); err == nil {
			out.Set(descErrors, v, label, e.key)
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
