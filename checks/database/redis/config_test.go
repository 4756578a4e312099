package redis

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"xunjian/checks"
	"xunjian/checks/credential"
	"xunjian/checks/database/redis/redistest"
)

// TestMistakes: each names its key and what is allowed.
func TestMistakes(t *testing.T) {
	good := Instance{Name: "main", Host: "cache.example.org"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Instance){
		`name: "a/b" is no name`:                                      func(i *Instance) { i.Name = "a/b" },
		`system: "-x" is not a name of a system`:                      func(i *Instance) { i.System = "-x" },
		`host: is missing; allowed: a host name or IP address`:        func(i *Instance) { i.Host = "" },
		`host: "cache:6379" is no host`:                               func(i *Instance) { i.Host = "cache:6379" },
		`port: 70000 is out of range; allowed: 1 to 65535, 0 is 6379`: func(i *Instance) { i.Port = 70000 },
		`port: 6379 does not go with a unix socket; leave it out`:     func(i *Instance) { i.Host, i.Port = "/run/redis/s", 6379 },
		`user: "a b" cannot be a user; allowed: one word`:             func(i *Instance) { i.User, i.PasswordFile = "a b", "/x" },
		`password_file: is missing; a user logs in with a password`:   func(i *Instance) { i.User = "xunjian" },
		`db: -1 is out of range; allowed: 0 to 65535`:                 func(i *Instance) { i.DB = -1 },
		`log_file: "redis.log" is not an absolute path`:               func(i *Instance) { i.LogFile = "redis.log" },
		`tls.mode: "preferred" is unknown; allowed: off, required`:    func(i *Instance) { i.TLS.Mode = "preferred" },
		`tls: a unix socket is not encrypted; leave it out`:           func(i *Instance) { i.Host, i.TLS.Mode = "/run/redis/s", "required" },
		`tls: says whom to trust, but mode is off; allowed with it: required`: func(i *Instance) {
			i.TLS = TLS{Mode: "off", TLS: credential.TLS{ServerName: "x"}}
		},
	} {
		i := good
		change(&i)
		if err := i.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestDiscovery finds a server by its socket, and stays with it.
func TestDiscovery(t *testing.T) {
	s := redistest.Start(t)
	pattern := filepath.Join(filepath.Dir(s.Socket), "s*")
	f := hold(t, newFinder(nil, pattern, 1))
	res := look(t, f)
	wantFinding(t, res, "redis.up", checks.OK)
	wantValue(t, res, 1, "xunjian_database_info", "redis/local", s.Socket)
	again := hold(t, newFinder([]Instance{{Name: "a", Host: s.Socket}}, pattern, 1))
	if err := again.Run(t.Context(), checks.NewOutput(0)); !errors.Is(err, checks.ErrNotApplicable) {
		t.Errorf("a server that is configured is found again: %v", err)
	}
	s.Do("CONFIG", "SET", "requirepass", "x")
	locked := hold(t, newFinder(nil, pattern, 1))
	for range 2 {
		wantFinding(t, look(t, locked), "redis.unwatched", checks.Attention)
	}
	s.Kill()
	wantFinding(t, look(t, f), "redis.refused", checks.Abnormal)
}

// BenchmarkRun is one look at an idle server.
func BenchmarkRun(b *testing.B) {
	s := redistest.Start(b)
	c := hold(b, newCheck(watchedBy(b, s)))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Run(b.Context(), checks.NewOutput(0)); err != nil {
			b.Fatal(err)
		}
	}
}
