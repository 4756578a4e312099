package redis

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/checktest"
	"xunjian/checks/database/redis/redistest"
)

// canary is the password of the monitoring user; it must appear nowhere.
const canary = "kanarienvogel-2c77d0"

// watchedBy returns the instance of a server with the README's user, made by
// exactly what the README says.
func watchedBy(t testing.TB, s *redistest.Server) Instance {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "```text\n")
	text, _, _ := strings.Cut(rest, "\n```")
	command, text, _ := strings.Cut(strings.ReplaceAll(text, "PASSWORD", canary), " ")
	var args []any
	for word := range strings.FieldsSeq(text) {
		args = append(args, word)
	}
	s.Do(command, args...)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Instance{Name: "main", Host: "127.0.0.1", Port: s.Port, User: "xunjian", PasswordFile: file, LogFile: s.Log}.filled()
}

// hold keeps a check's connection as the Runner does, and ends it with the
// test.
func hold[C interface {
	Serve(ctx context.Context, wake func()) error
}](t testing.TB, c C) C {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.Serve(ctx, func() {}) }()
	t.Cleanup(func() { cancel(); <-done })
	return c
}

func look(t testing.TB, c checks.Check) checks.Result {
	t.Helper()
	return checks.RunOnce(t.Context(), c, time.Now())
}

// value returns a sample that has the label values given.
func value(res checks.Result, metric string, labels ...string) (float64, bool) {
	for _, s := range res.Samples {
		if s.Desc.Name == metric && !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(s.Values, l) }) {
			return s.Value, true
		}
	}
	return 0, false
}

func wantFinding(t *testing.T, res checks.Result, code string, verdict checks.Verdict) checks.Finding {
	t.Helper()
	for _, f := range res.Findings {
		if f.Code == code && f.Verdict == verdict {
			return f
		}
	}
	t.Fatalf("no finding %s %s; error %q, findings %+v", code, verdict, res.Error, res.Findings)
	return checks.Finding{}
}

func wantValue(t *testing.T, res checks.Result, want float64, metric string, labels ...string) {
	t.Helper()
	if v, ok := value(res, metric, labels...); !ok || v != want {
		t.Errorf("%s%v is %v (there: %v), want %v", metric, labels, v, ok, want)
	}
}

// until looks again and again until ok holds.
func until(t *testing.T, c checks.Check, what string, ok func(checks.Result) bool) checks.Result {
	t.Helper()
	var res checks.Result
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if res = look(t, c); ok(res) {
			return res
		}
	}
	t.Fatalf("never %s; error %q, findings %+v", what, res.Error, res.Findings)
	return res
}

func has(code string) func(checks.Result) bool {
	return func(res checks.Result) bool {
		return slices.ContainsFunc(res.Findings, func(f checks.Finding) bool { return f.Code == code })
	}
}

func evidence(t *testing.T, c *check) string {
	t.Helper()
	list, err := c.Evidence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%+v", list)
}

// TestRedis makes every fault for real, seen through the user of the README and
// no other.
func TestRedis(t *testing.T) {
	s := redistest.Start(t, "--enable-debug-command", "yes", "--slowlog-log-slower-than", "20000", "--repl-diskless-sync-delay", "0", "--repl-timeout", "5", "--repl-ping-replica-period", "1")
	s.Do("SET", "bid:1", "price-4711")
	cfg := watchedBy(t, s)

	t.Run("conforms", func(t *testing.T) {
		checktest.Conform(t, func() checks.Check { return newCheck(cfg) }, checktest.Broken(func() checks.Check {
			broken := cfg
			broken.PasswordFile = "/nonexistent/password"
			return newCheck(broken)
		}))
	})
	t.Run("healthy", func(t *testing.T) { healthy(t, s, cfg) })
	t.Run("rights", func(t *testing.T) { rights(t, s, cfg) })
	t.Run("wrong password", func(t *testing.T) { wrongPassword(t, cfg) })
	t.Run("slow command", func(t *testing.T) { slowCommand(t, s, cfg) })
	t.Run("blocked client", func(t *testing.T) { blocked(t, s, cfg) })
	t.Run("rejected clients", func(t *testing.T) { rejected(t, s, cfg) })
	t.Run("evictions", func(t *testing.T) { evictions(t, s, cfg) })
	t.Run("save failing", func(t *testing.T) { saveFails(t, s, cfg) })
	t.Run("silent", func(t *testing.T) { silent(t, s, cfg) })
	t.Run("replica", func(t *testing.T) { replica(t, s, cfg) })
}

func healthy(t *testing.T, s *redistest.Server, cfg Instance) {
	c := hold(t, newCheck(cfg))
	res := look(t, c)
	if res.Verdict != checks.OK {
		t.Fatalf("verdict %s, error %q, findings %+v", res.Verdict, res.Error, res.Findings)
	}
	wantValue(t, res, 1, "redis_up", c.label)
	wantValue(t, res, 1, "redis_db_keys", "db0")
	wantValue(t, res, 1, "redis_rdb_last_bgsave_status")
	wantValue(t, res, 1, "redis_aof_last_write_status")
	wantValue(t, res, 0, "redis_memory_max_bytes")
	wantValue(t, res, 0, "redis_evicted_keys_total")
	wantValue(t, res, 0, "redis_blocked_clients")
	wantValue(t, res, 0, "redis_rejected_connections_total")
	wantValue(t, res, 0, "redis_connected_slaves")
	wantValue(t, res, 1, "redis_instance_info", "master", "standalone")
	wantValue(t, res, 1, "redis_commands_total", "set")
	for _, m := range []string{"redis_memory_used_bytes", "redis_commands_processed_total", "redis_uptime_in_seconds", "redis_slowlog_length", "redis_slowlog_last_id", "redis_max_clients", "redis_start_time_seconds"} {
		if _, ok := value(res, m); !ok {
			t.Errorf("no series %s", m)
		}
	}
	t.Logf("%d series", len(res.Samples))
	if _, err := s.Open("xunjian", canary).Do("GET", "bid:1"); err == nil {
		t.Error("the user of the README can read keys")
	}
	if got := evidence(t, c); !strings.Contains(got, "redis.evidence.memory") || !strings.Contains(got, "redis.evidence.clients") {
		t.Errorf("the user of the README does not get all evidence: %s", got)
	}
}

func rights(t *testing.T, s *redistest.Server, cfg Instance) {
	s.Do("ACL", "SETUSER", "xunjian", "-slowlog")
	defer s.Do("ACL", "SETUSER", "xunjian", "+slowlog|len", "+slowlog|get")
	c := hold(t, newCheck(cfg))
	res := look(t, c)
	wantFinding(t, res, "redis.rights", checks.Attention)
	wantValue(t, res, 1, "redis_up")
	list, err := c.Evidence(t.Context())
	if err == nil || len(list) < 3 {
		t.Errorf("evidence without a right: %d parts, error %v; want the others, and which is missing", len(list), err)
	}
}

func wrongPassword(t *testing.T, cfg Instance) {
	file := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(file, []byte(canary+"-wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := cfg.PasswordFile
	cfg.PasswordFile = file
	c := hold(t, newCheck(cfg))
	res := look(t, c)
	wantFinding(t, res, "redis.denied", checks.Abnormal)
	wantValue(t, res, 0, "redis_up")
	if said := fmt.Sprintf("%+v", res); strings.Contains(said, canary) {
		t.Errorf("the password is told: %s", said)
	}
	b, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil { // secrets are read at each log-in
		t.Fatal(err)
	}
	wantFinding(t, look(t, c), "redis.up", checks.OK)
}

func slowCommand(t *testing.T, s *redistest.Server, cfg Instance) {
	c := hold(t, newCheck(cfg))
	before, _ := value(look(t, c), "redis_slowlog_length")
	s.Do("EVAL", "local n = redis.call('TIME')[1]*1000000+redis.call('TIME')[2]; repeat local t = redis.call('TIME') until t[1]*1000000+t[2] > n+50000; return ARGV[1]", "0", "price-31337")
	res := look(t, c)
	if after, _ := value(res, "redis_slowlog_length"); after <= before {
		t.Errorf("the slow log has %v entries, had %v", after, before)
	}
	if took, _ := value(res, "redis_last_slow_execution_duration_seconds"); took < 0.02 {
		t.Errorf("the last slow command took %v s, want at least 0.02", took)
	}
	got := evidence(t, c)
	if !strings.Contains(got, "EVAL") || strings.Contains(got, "31337") {
		t.Errorf("the evidence lacks the command, or has what it was called with: %s", got)
	}
}

func blocked(t *testing.T, s *redistest.Server, cfg Instance) {
	c := hold(t, newCheck(cfg))
	other := s.Open("", "")
	go other.Do("BLPOP", "queue", "20")
	until(t, c, "a client blocked", func(res checks.Result) bool { n, _ := value(res, "redis_blocked_clients"); return n == 1 })
	if got := evidence(t, c); !strings.Contains(got, "blpop") {
		t.Errorf("the evidence does not show who is blocked: %s", got)
	}
	s.Do("RPUSH", "queue", "x")
	until(t, c, "nobody blocked", func(res checks.Result) bool { n, ok := value(res, "redis_blocked_clients"); return ok && n == 0 })
}

func rejected(t *testing.T, s *redistest.Server, cfg Instance) {
	early := hold(t, newCheck(cfg))
	wantFinding(t, look(t, early), "redis.up", checks.OK)
	s.Do("CONFIG", "SET", "maxclients", "2") // fewer than there are
	defer s.Do("CONFIG", "SET", "maxclients", "100")
	res := look(t, hold(t, newCheck(cfg)))
	wantFinding(t, res, "redis.full", checks.Abnormal)
	wantValue(t, res, 0, "redis_up")
	res = look(t, early)
	wantValue(t, res, 2, "redis_max_clients")
	if n, _ := value(res, "redis_rejected_connections_total"); n < 1 {
		t.Errorf("%v rejected, want at least 1", n)
	}
}

func evictions(t *testing.T, s *redistest.Server, cfg Instance) {
	c := hold(t, newCheck(cfg))
	s.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
	used, _ := value(look(t, c), "redis_memory_used_bytes")
	most := int64(used) + 1<<20
	s.Do("CONFIG", "SET", "maxmemory", strconv.FormatInt(most, 10))
	defer s.Do("CONFIG", "SET", "maxmemory", "0")
	for n := range 400 {
		s.Do("SET", fmt.Sprint("filler:", n), strings.Repeat("x", 8<<10))
	}
	res := look(t, c)
	wantValue(t, res, float64(most), "redis_memory_max_bytes")
	if n, _ := value(res, "redis_evicted_keys_total"); n < 100 {
		t.Errorf("%v keys evicted, want at least 100", n)
	}
	s.Do("FLUSHALL")
}

// saveFails makes the data folder unwritable: the next snapshot cannot be
// written, and the server then refuses writes.
func saveFails(t *testing.T, s *redistest.Server, cfg Instance) {
	c := hold(t, newCheck(cfg))
	if err := os.Chmod(s.Dir, 0o555); err != nil {
		t.Fatal(err)
	}
	s.Do("SET", "bid:1", "price-1")
	s.Do("BGSAVE")
	res := until(t, c, "a failed save", has("redis.rdb_failed"))
	wantValue(t, res, 0, "redis_rdb_last_bgsave_status")
	if res.Verdict != checks.Abnormal {
		t.Errorf("verdict %s, want abnormal", res.Verdict)
	}
	if got := evidence(t, c); !strings.Contains(got, "Permission denied") {
		t.Errorf("the evidence does not say why: %s", got)
	}
	if err := os.Chmod(s.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s.Do("BGSAVE")
	res = until(t, c, "a save that worked", func(res checks.Result) bool { return res.Success() && !has("redis.rdb_failed")(res) })
	wantValue(t, res, 1, "redis_rdb_last_bgsave_status")
}

// silent stops the server as a hung disk would. It then takes connections and
// says nothing.
func silent(t *testing.T, s *redistest.Server, cfg Instance) {
	used := hold(t, newCheck(cfg))
	wantFinding(t, look(t, used), "redis.up", checks.OK)
	fresh := hold(t, newCheck(cfg))
	before := connections(t, strconv.Itoa(cfg.Port))
	s.Freeze()
	defer s.Thaw()
	for _, c := range []*check{used, fresh} {
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			out := checks.NewOutput(0)
			begun := time.Now()
			err := c.Run(ctx, out)
			cancel()
			if err == nil || len(out.Samples()) > 0 {
				t.Fatalf("a server that says nothing: error %v, %d samples", err, len(out.Samples()))
			}
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("a look took %v, its deadline was 1s", took)
			}
			if f := out.Findings(); len(f) != 1 || f[0].Code != codeSilent || f[0].Verdict != checks.Unknown {
				t.Errorf("findings %+v, want redis.silent unknown", f)
			}
		}
	}
	if after := connections(t, strconv.Itoa(cfg.Port)); after > before+1 {
		t.Errorf("%d connections after four looks of two checks, %d before; want at most one more", after, before)
	}
	s.Thaw()
	for _, c := range []*check{used, fresh} {
		until(t, c, "up again", has("redis.up"))
	}
}

// replica follows, loses its source, which goes down and comes again.
func replica(t *testing.T, primary *redistest.Server, cfg Instance) {
	s := redistest.Start(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(primary.Port), "--repl-timeout", "5")
	c, source := hold(t, newCheck(watchedBy(t, s))), hold(t, newCheck(cfg))
	res := until(t, c, "following", func(res checks.Result) bool { v, _ := value(res, "redis_master_link_up"); return v == 1 })
	wantFinding(t, res, "redis.link", checks.OK)
	wantValue(t, res, 1, "redis_slave_info", "127.0.0.1", strconv.Itoa(primary.Port))
	res = until(t, source, "a replica online", func(res checks.Result) bool {
		_, ok := value(res, "redis_connected_slave_lag_seconds", "online")
		return ok
	})
	wantValue(t, res, 1, "redis_connected_slaves")

	primary.Kill()
	res = until(t, c, "the link down", has("redis.link_down"))
	wantValue(t, res, 0, "redis_master_link_up")
	res = look(t, source)
	wantFinding(t, res, "redis.refused", checks.Abnormal)
	wantValue(t, res, 0, "redis_up")
	if list, err := source.Evidence(t.Context()); err == nil || !strings.Contains(fmt.Sprint(list), "Ready to accept connections") {
		t.Errorf("evidence of a server that is down: error %v, %v; want the end of its log", err, list)
	}
	primary.Start()
	until(t, c, "following again", func(res checks.Result) bool { v, _ := value(res, "redis_master_link_up"); return v == 1 })
}

// connections are those to a port, by the kernel's own list.
func connections(t *testing.T, port string) int {
	t.Helper()
	out, err := exec.Command("ss", "-Htn", "state", "connected", "dport", "=", ":"+port).CombinedOutput()
	if err != nil {
		t.Fatalf("ss: %v\n%s", err, out)
	}
	return strings.Count(string(out), "\n")
}
