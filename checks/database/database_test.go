package database

import (
	"slices"
	"testing"
	"time"

	"xunjian/checks"
	"xunjian/checks/database/sqlquery"
)

// TestNothing: a product that nobody named says that there is none of it, or a
// round that asks for it could not be signed; one that is named does not.
func TestNothing(t *testing.T) {
	above := 0.0
	query := sqlquery.Query{Name: "bids", Driver: "postgres", Host: "db", User: "reader", Query: "SELECT 1", Rows: sqlquery.Limits{Above: &above}}
	for _, tt := range []struct {
		cfg  Config
		want []string
	}{
		{Config{}, []string{"databases", "mysql", "postgres", "redis", "sql"}},
		{Config{SQL: []sqlquery.Query{query}}, []string{"databases", "mysql", "postgres", "redis", "sql/bids"}},
		{Config{Discover: true}, []string{"databases", "mysql/local", "postgres", "redis/local", "sql"}},
	} {
		var got []string
		for _, c := range Checks(tt.cfg) {
			got = append(got, c.Name())
			if tt.cfg.Discover || c.Name() == "sql/bids" || c.Name() == "databases" && len(tt.cfg.SQL) > 0 {
				continue
			}
			if r := checks.RunOnce(t.Context(), c, time.Now()); r.Verdict != checks.NotApplicable {
				t.Errorf("%s: %s %q", c.Name(), r.Verdict, r.Error)
			}
		}
		if slices.Sort(got); !slices.Equal(got, tt.want) {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
