package postgres

import (
	"strings"
	"testing"
	"time"

	"xunjian/checks/credential"
)

// TestMistakes: each names its key and what is allowed, and is the only one.
func TestMistakes(t *testing.T) {
	good := Instance{Name: "main", System: "portal", Host: "db.example.org", Databases: []string{"bidding"}, SSLMode: "verify-full", Replicas: 1}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Instance){
		`name: "a/b" is no name; use letters, digits, '.', '_' and '-', at most 64, a letter or digit first`:                        func(i *Instance) { i.Name = "a/b" },
		`name: "" is no name; use letters, digits, '.', '_' and '-', at most 64, a letter or digit first`:                           func(i *Instance) { i.Name = "" },
		`system: "a b" is not a name of a system; allowed: letters, digits and - . _ between them, at most 64`:                      func(i *Instance) { i.System = "a b" },
		`host: is missing; allowed: a host name or IP address, or the absolute path of a unix socket's folder`:                      func(i *Instance) { i.Host = "" },
		`host: "postgres://db" is no host; allowed: a host name or IP address, or the absolute path of a unix socket's folder`:      func(i *Instance) { i.Host = "postgres://db" },
		`port: 65536 is out of range; allowed: 1 to 65535, 0 is 5432`:                                                               func(i *Instance) { i.Port = 65536 },
		`port: -1 is out of range; allowed: 1 to 65535, 0 is 5432`:                                                                  func(i *Instance) { i.Port = -1 },
		`database: "a\nb" cannot be a name in PostgreSQL; allowed: one line of at most 63 bytes`:                                    func(i *Instance) { i.Database = "a\nb" },
		`user: "` + strings.Repeat("u", 64) + `" cannot be a name in PostgreSQL; allowed: one line of at most 63 bytes`:             func(i *Instance) { i.User = strings.Repeat("u", 64) },
		`sslmode: "allow" is unknown; allowed: disable, prefer, require, verify-ca, verify-full`:                                    func(i *Instance) { i.SSLMode = "allow" },
		`tls.ca_file: cannot read /nonexistent/ca.pem: no such file or directory; allowed: PEM certificates`:                        func(i *Instance) { i.TLS.CAFile = "/nonexistent/ca.pem" },
		`sslmode: disable does not look at what tls says; allowed with it: require, verify-ca, verify-full`:                         func(i *Instance) { i.SSLMode, i.TLS.ServerName = "disable", "db" },
		`sslmode: verify-ca cannot be held while tls.insecure_skip_verify takes any certificate; give one or the other`:             func(i *Instance) { i.SSLMode, i.TLS.InsecureSkipVerify = "verify-ca", true },
		`tls.insecure_skip_verify: takes any certificate, so ca_file and server_name would not be looked at; give one or the other`: func(i *Instance) { i.SSLMode, i.TLS = "", credential.TLS{ServerName: "db", InsecureSkipVerify: true} },
		`databases[1]: is empty; name a database, or leave the list out to take all`:                                                func(i *Instance) { i.Databases = []string{"a", ""} },
		`databases[2]: "a" stands twice in this list`:                                                                               func(i *Instance) { i.Databases = []string{"a", "b", "a"} },
		`replicas: -1 is out of range; allowed: 0 to 100`:                                                                           func(i *Instance) { i.Replicas = -1 },
		`replicas: 101 is out of range; allowed: 0 to 100`:                                                                          func(i *Instance) { i.Replicas = 101 },
		`statement_timeout: 50ms is out of range; allowed: 100ms to 1m`:                                                             func(i *Instance) { i.StatementTimeout = 50 * time.Millisecond },
		`statement_timeout: 2m0s is out of range; allowed: 100ms to 1m`:                                                             func(i *Instance) { i.StatementTimeout = 2 * time.Minute },
	} {
		i := good
		change(&i)
		if err := i.Validate(); err == nil || err.Error() != want {
			t.Errorf("want %s\ngot  %v", want, err)
		}
	}
}

// TestModes: what says whom to trust is held to it.
func TestModes(t *testing.T) {
	for want, tls := range map[string]credential.TLS{"prefer": {}, "require": {InsecureSkipVerify: true}, "verify-full": {ServerName: "db"}} {
		if got := (Instance{Host: "db", TLS: tls}).filled().SSLMode; got != want {
			t.Errorf("%+v is %s, want %s", tls, got, want)
		}
	}
}
