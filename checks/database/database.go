// Package database looks at the databases that the platform stands on. Each
// product has its own folder; this one holds their configuration together and
// says which servers are known here, so that rules find the business system
// that a server works for even while the server says nothing.
package database

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"xunjian/checks"
	"xunjian/checks/database/mysql"
	"xunjian/checks/database/postgres"
	"xunjian/checks/database/redis"
	"xunjian/checks/database/server"
	"xunjian/checks/database/sqlquery"
)

// Config of the checks of databases. Start from Default.
type Config struct {
	// Discover looks for servers on this machine that let the agent in without
	// a password, beside those that are listed.
	Discover bool `yaml:"discover"`
	// Postgres are the PostgreSQL servers to look at.
	Postgres []postgres.Instance `yaml:"postgres"`
	// MySQL are the MySQL and MariaDB servers to look at.
	MySQL []mysql.Instance `yaml:"mysql"`
	// SQL are queries of the operator's own, to any of the products.
	SQL []sqlquery.Query `yaml:"sql"`
	// Redis are the Redis servers to look at.
	Redis []redis.Instance `yaml:"redis"`
}

// Default returns a Config that finds what is on this machine.
func Default() Config { return Config{Discover: true} }

// Validate returns every mistake in c, joined, each beginning with the key.
func (c Config) Validate() error {
	var m mistakes
	seen := map[string]string{}
	for n, i := range c.Postgres {
		m.instance(fmt.Sprintf("postgres[%d]", n), i.Validate())
		m.unique(fmt.Sprintf("postgres[%d].name", n), "postgres/"+i.Name, i.Name, seen)
		m.unique(fmt.Sprintf("postgres[%d].host", n), "postgres at "+i.Address(), i.Address(), seen)
	}
	for n, i := range c.MySQL {
		key := fmt.Sprintf("mysql[%d]", n)
		m.instance(key, i.Validate())
		m.unique(key+".name", "mysql/"+i.Name, i.Name, seen)
		m.unique(key+".host", "mysql at "+i.Address(), i.Address(), seen)
		if c.Discover && i.Name == mysql.Local {
			m.add(key+".name", "is that of the server which is found by itself; allowed: another name, or discover: false")
		}
	}
	for n, i := range c.Redis {
		key := fmt.Sprintf("redis[%d]", n)
		m.instance(key, i.Validate())
		m.unique(key+".name", "redis/"+i.Name, i.Name, seen)
		m.unique(key+".host", "redis at "+i.Address(), i.Address(), seen)
		if c.Discover && i.Name == redis.Local {
			m.add(key+".name", "is that of the server which is found by itself; allowed: another name, or discover: false")
		}
	}
	for n, q := range c.SQL {
		m.instance(fmt.Sprintf("sql[%d]", n), q.Validate())
		m.unique(fmt.Sprintf("sql[%d].name", n), "sql/"+q.Name, q.Name, seen)
	}
	return errors.Join(m...)
}

// Paths are the fields that hold paths.
func (c *Config) Paths() []*string {
	var out []*string
	for n := range c.Postgres {
		out = append(out, c.Postgres[n].Paths()...)
	}
	for n := range c.MySQL {
		out = append(out, c.MySQL[n].Paths()...)
	}
	for n := range c.Redis {
		out = append(out, c.Redis[n].Paths()...)
	}
	for n := range c.SQL {
		out = append(out, c.SQL[n].Paths()...)
	}
	return out
}

// Systems are the business systems named, by the key that names them.
func (c Config) Systems() map[string]string {
	out := map[string]string{}
	for n, i := range c.Postgres {
		out[fmt.Sprintf("postgres[%d].system", n)] = i.System
	}
	for n, i := range c.MySQL {
		out[fmt.Sprintf("mysql[%d].system", n)] = i.System
	}
	for n, i := range c.Redis {
		out[fmt.Sprintf("redis[%d].system", n)] = i.System
	}
	for n, q := range c.SQL {
		out[fmt.Sprintf("sql[%d].system", n)] = q.System
	}
	return out
}

// Checks returns the check of each server, of what is found by itself, and of
// what is known. It panics if cfg is not valid: call Config.Validate before.
func Checks(cfg Config) []checks.Check {
	if err := cfg.Validate(); err != nil {
		panic("database: " + err.Error())
	}
	list := slices.Concat(postgres.Checks(cfg.Postgres), mysql.Checks(cfg.MySQL), redis.Checks(cfg.Redis), sqlquery.Checks(cfg.SQL))
	var servers []server.Server
	for _, c := range list {
		if of, ok := c.(server.Known); ok {
			servers = append(servers, of.Servers()...)
		}
	}
	if cfg.Discover {
		list = append(list, postgres.Discover(cfg.Postgres), mysql.Discover(cfg.MySQL), redis.Discover(cfg.Redis))
	}
	// So that a form that asks for a product hears that there is none.
	for _, product := range Products() {
		if !slices.ContainsFunc(list, func(c checks.Check) bool { return c.Name() == product || strings.HasPrefix(c.Name(), product+"/") }) {
			list = append(list, nothing(product))
		}
	}
	return append(list, known{servers})
}

// nothing is the check of a product that nobody named and nobody looks for.
func nothing(product string) checks.Check {
	return checks.Func{ID: product, Look: func(context.Context, *checks.Output) error {
		return fmt.Errorf("checks.database.%s names nothing: %w", product, checks.ErrNotApplicable)
	}}
}

// Products are the families of checks of this room.
func Products() []string { return []string{"postgres", "mysql", "redis", "sql"} }

// known says which servers are configured to be looked at. It asks none of them, so
// that it can also say so while one of them hangs.
type known struct{ servers []server.Server }

// Name is that of a single check.
func (known) Name() string { return "databases" }

// Identity changes with the servers.
func (k known) Identity() string { return fmt.Sprint(k.servers) }

// Run lists the servers.
func (k known) Run(_ context.Context, out *checks.Output) error {
	if len(k.servers) == 0 {
		return fmt.Errorf("no database is configured: %w", checks.ErrNotApplicable)
	}
	for _, s := range k.servers {
		out.Set(server.Info, 1, s.Check, s.Product, s.Address, s.System)
	}
	out.Find(checks.Finding{Code: "databases.known", Verdict: checks.OK, Args: map[string]any{"count": len(k.servers)}})
	return nil
}

// mistakes collects what is wrong with a Config.
type mistakes []error

// instance adds the mistakes that are joined in err, below key.
func (m *mistakes) instance(key string, err error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return
	}
	for _, e := range joined.Unwrap() {
		*m = append(*m, fmt.Errorf("%s.%w", key, e))
	}
}

func (m *mistakes) add(key, format string, args ...any) {
	*m = append(*m, fmt.Errorf(key+": "+format, args...))
}

// unique adds a mistake if what stands for was seen before.
func (m *mistakes) unique(key, what, value string, seen map[string]string) {
	if first, twice := seen[what]; twice {
		*m = append(*m, fmt.Errorf("%s: %s stands twice; first at %s", key, value, first))
		return
	}
	seen[what] = key
}
