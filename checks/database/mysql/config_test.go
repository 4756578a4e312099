package mysql

import (
	"strings"
	"testing"

	"xunjian/checks/credential"
)

// TestMistakes: each names its key and what is allowed.
func TestMistakes(t *testing.T) {
	good := Instance{Name: "main", Host: "db.example.org"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Instance){
		`name: "a b" is no name`:                                          func(i *Instance) { i.Name = "a b" },
		`name: "" is no name`:                                             func(i *Instance) { i.Name = "" },
		`system: "a b" is not a name of a system`:                         func(i *Instance) { i.System = "a b" },
		`host: is missing; allowed: a host name or IP address`:            func(i *Instance) { i.Host = "" },
		`host: "db:3306" is no host`:                                      func(i *Instance) { i.Host = "db:3306" },
		`port: 65536 is out of range; allowed: 1 to 65535, 0 is 3306`:     func(i *Instance) { i.Port = 65536 },
		`port: -1 is out of range; allowed: 1 to 65535, 0 is 3306`:        func(i *Instance) { i.Port = -1 },
		`port: 3306 does not go with a unix socket; leave it out`:         func(i *Instance) { i.Host, i.Port = "/run/mysqld/mysqld.sock", 3306 },
		`user: "a\nb" cannot be a user; allowed: one line of at most 128`: func(i *Instance) { i.User = "a\nb" },
		`log_file: "error.log" is not an absolute path`:                   func(i *Instance) { i.LogFile = "error.log" },
		`tls.mode: "on" is unknown; allowed: off, preferred, required`:    func(i *Instance) { i.TLS.Mode = "on" },
		`tls: a unix socket is not encrypted; leave it out`:               func(i *Instance) { i.Host, i.TLS.Mode = "/run/mysqld/mysqld.sock", "required" },
		`tls: says whom to trust, but mode preferred does not verify; allowed with it: required`: func(i *Instance) {
			i.TLS = TLS{Mode: "preferred", TLS: credential.TLS{ServerName: "db"}}
		},
		`tls.`: func(i *Instance) { i.TLS.CAFile = "/nonexistent/ca.pem" },
	} {
		i := good
		change(&i)
		err := i.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n"+want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestModes: what is not on this machine is verified unless somebody says
// otherwise.
func TestModes(t *testing.T) {
	for host, want := range map[string]string{"db.example.org": "required", "192.0.2.1": "required", "127.0.0.1": "off", "::1": "off", "localhost": "off", "/tmp/s": "off"} {
		if got := (Instance{Host: host}).filled().TLS.Mode; got != want {
			t.Errorf("%s is %s, want %s", host, got, want)
		}
	}
}

// TestPlainMessage: what servers repeat of what they were told is taken out.
func TestPlainMessage(t *testing.T) {
	for in, want := range map[string]string{
		"Error 'Duplicate entry '77' for key 'PRIMARY'' on query. Default database: 'bids'. Query: 'INSERT INTO bid VALUES (77, 'price-1')'": "Error 'Duplicate entry '?' for key 'PRIMARY'' on query. Default database: 'bids'. Query: 'INSERT INTO bid VALUES (?)'",
		"Incorrect integer value: 'secret' for column `b`.`t`.`c` at row 1":                                                                  "Incorrect integer value: '?' for column `b`.`t`.`c` at row 1",
		"You have an error in your SQL syntax; check the manual near 'price-4711 x' at line 1":                                               "You have an error in your SQL syntax; check the manual near '?' at line 1",
		"error connecting to master 'copy@127.0.0.1:3306' - retry-time: 1":                                                                   "error connecting to master 'copy@127.0.0.1:3306' - retry-time: 1",
	} {
		if got := plainMessage(in); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
