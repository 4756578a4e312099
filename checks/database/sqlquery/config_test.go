package sqlquery

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"xunjian/checks/credential"
)

// TestMistakes: each names its key and what is allowed, and is the only one.
func TestMistakes(t *testing.T) {
	good := Query{Name: "bids", Driver: "postgres", Host: "db.example.org", User: "reader", Query: "SELECT 1;\n", Rows: Limits{Above: limit(0)}}
	measure := good
	measure.Rows, measure.Value, measure.Labels = Limits{}, "n", []string{"project"}
	for _, q := range []Query{good, measure} {
		if err := q.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	// What is built in depends on the tags of the build.
	built := slices.Sorted(maps.Keys(drivers()))
	known := strings.Join(built, ", ")
	for _, name := range []string{"mysql", "postgres"} {
		if !slices.Contains(built, name) {
			t.Errorf("%s is not built in", name)
		}
	}
	for _, name := range optional {
		q := good
		q.Driver = name
		err := q.Validate()
		want := "driver: " + name + " is not in this program; build it with -tags " + name + ", or use: " + known
		if !slices.Contains(built, name) && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	for want, change := range map[string]func(*Query){
		`name: "a b" is no name; use letters, digits, '.', '_' and '-', at most 64, a letter or digit first`:   func(q *Query) { q.Name = "a b" },
		`name: "" is no name; use letters, digits, '.', '_' and '-', at most 64, a letter or digit first`:      func(q *Query) { q.Name = "" },
		`system: "a b" is not a name of a system; allowed: letters, digits and - . _ between them, at most 64`: func(q *Query) { q.System = "a b" },
		`driver: is missing; allowed: ` + known:                                                                                     func(q *Query) { q.Driver = "" },
		`driver: "sqlite" is unknown; allowed: ` + known:                                                                            func(q *Query) { q.Driver = "sqlite" },
		`host: is missing; allowed: a host name or IP address, or the absolute path of a unix socket's folder`:                      func(q *Query) { q.Host = "" },
		`host: "db:5432" is no host; allowed: a host name or IP address, or the absolute path of a unix socket's folder`:            func(q *Query) { q.Host = "db:5432" },
		`port: 65536 is out of range; allowed: 1 to 65535, 0 is the product's own`:                                                  func(q *Query) { q.Port = 65536 },
		`port: -1 is out of range; allowed: 1 to 65535, 0 is the product's own`:                                                     func(q *Query) { q.Port = -1 },
		`user: is missing; name an account that can only read what the query needs`:                                                 func(q *Query) { q.User = "" },
		`tls.ca_file: cannot read /nonexistent/ca.pem: no such file or directory; allowed: PEM certificates`:                        func(q *Query) { q.TLS.CAFile = "/nonexistent/ca.pem" },
		`tls.insecure_skip_verify: takes any certificate, so ca_file and server_name would not be looked at; give one or the other`: func(q *Query) { q.TLS = credential.TLS{ServerName: "db", InsecureSkipVerify: true} },
		`query: is missing; give one statement that reads`:                                                                          func(q *Query) { q.Query = " \n" },
		`query: is longer than 16384 bytes`:                                                                                         func(q *Query) { q.Query = "SELECT 1" + strings.Repeat(" ", maxQuery) },
		`query: holds more than one statement; give one that reads`:                                                                 func(q *Query) { q.Query = "SELECT 1;\nDELETE FROM bids" },
		`rows: nothing says what is bad; give rows: {above: 0}, or value and bad, or value alone to measure`:                        func(q *Query) { q.Rows = Limits{} },
		`rows: everything is bad: above 1 or below 2; above must not be less than below`:                                            func(q *Query) { q.Rows = Limits{Above: limit(1), Below: limit(2)} },
		`bad: has no value; name the column under value`:                                                                            func(q *Query) { q.Bad.Above = limit(1) },
		`bad: everything is bad: above -1 or below 0.5; above must not be less than below`:                                          func(q *Query) { q.Value, q.Bad = "n", Limits{Above: limit(-1), Below: limit(0.5)} },
		`labels: stand without value; name the column with the number`:                                                              func(q *Query) { q.Labels = []string{"project"} },
		`labels[0]: "Project" cannot be a label; name the column (AS …) with small letters, digits and _`:                           func(q *Query) { q.Value, q.Labels = "n", []string{"Project"} },
		`labels[1]: server is a label already; name the column otherwise (AS …)`:                                                    func(q *Query) { q.Value, q.Labels = "n", []string{"a", "server"} },
		`labels[1]: a stands twice`:                                                       func(q *Query) { q.Value, q.Labels = "n", []string{"a", "a"} },
		`labels[0]: n stands twice`:                                                       func(q *Query) { q.Value, q.Labels = "n", []string{"n"} },
		`verdict: "bad" is unknown; allowed: attention, abnormal`:                         func(q *Query) { q.Verdict = "bad" },
		`interval: 500ms is out of range; allowed: 1s to 24h`:                             func(q *Query) { q.Interval = 500 * time.Millisecond },
		`timeout: 1m0s is out of range; allowed: 100ms to less than the interval of 1m0s`: func(q *Query) { q.Timeout = time.Minute },
		`timeout: 50ms is out of range; allowed: 100ms to less than the interval of 5s`:   func(q *Query) { q.Interval, q.Timeout = 5*time.Second, 50*time.Millisecond },
	} {
		q := good
		change(&q)
		if err := q.Validate(); err == nil || err.Error() != want {
			t.Errorf("want %s\ngot  %v", want, err)
		}
	}
	all := Query{Port: -1, Verdict: "bad"}
	if err := all.Validate(); err == nil || strings.Count(err.Error(), "\n") != 7 {
		t.Errorf("not all mistakes are told at once:\n%v", err)
	}
}
