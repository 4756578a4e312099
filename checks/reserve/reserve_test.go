package reserve_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"xunjian/checks"
	"xunjian/checks/checktest"
	"xunjian/checks/reserve"
)

var needs = []reserve.Need{
	{ID: "server-spare", ZH: "备用服务器", EN: "Servers in reserve"},
	{ID: "server-contract", ZH: "服务器维保合同", EN: "Maintenance contract for servers", Contract: true},
}

func contract(expires string) reserve.Item {
	return reserve.Item{Name: "contract 17", For: "server-contract", Phone: "010-5550-0121", ArrivesWithin: 4 * time.Hour, Expires: expires}
}

var spare = reserve.Item{Name: "server 9", For: "server-spare", Where: "rack 3"}

// TestConforms holds the check against what is asked of every check.
func TestConforms(t *testing.T) {
	cfg := reserve.Default()
	cfg.Items = []reserve.Item{contract("2027-03-31"), spare}
	checktest.Conform(t, func() checks.Check { return reserve.NewCheck(cfg, needs, time.UTC, time.Now) })
}

// TestFindings plays the days around the end of a contract, in a zone where
// the day does not end with UTC's.
func TestFindings(t *testing.T) {
	beijing := time.FixedZone("UTC+8", 8*3600)
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04:05", s, beijing)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	tried := spare
	tried.Tested, tried.TestEvery = "2026-01-01", 30*24*time.Hour
	untried := spare
	untried.TestEvery = 24 * time.Hour
	for _, tc := range []struct {
		name  string
		now   time.Time
		items []reserve.Item
		want  string
	}{
		{"nothing on record", at("2026-03-01 00:00:00"), nil, "reserve.nothing attention"},
		{"all there", at("2026-03-01 00:00:00"), []reserve.Item{spare, contract("2026-12-31")}, "reserve.ready(server 9) ok, reserve.ready(contract 17) ok"},
		{"no contract", at("2026-03-01 00:00:00"), []reserve.Item{spare}, "reserve.ready(server 9) ok, reserve.missing(server-contract) abnormal"},
		{"30 days left", at("2026-12-02 00:00:00"), []reserve.Item{spare, contract("2026-12-31")}, "reserve.ready(server 9) ok, reserve.ready(contract 17) ok"},
		{"a second less", at("2026-12-02 00:00:01"), []reserve.Item{spare, contract("2026-12-31")}, "reserve.ready(server 9) ok, reserve.expiring(contract 17) attention"},
		{"its last second", at("2026-12-31 23:59:59"), []reserve.Item{spare, contract("2026-12-31")}, "reserve.ready(server 9) ok, reserve.expiring(contract 17) attention"},
		{"over", at("2027-01-01 00:00:00"), []reserve.Item{spare, contract("2026-12-31")}, "reserve.ready(server 9) ok, reserve.expired(contract 17) abnormal, reserve.missing(server-contract) abnormal"},
		{"replaced in time", at("2027-01-01 00:00:00"), []reserve.Item{spare, contract("2026-12-31"), {Name: "contract 18", For: "server-contract", Contact: "the maker", Expires: "2027-12-31"}},
			"reserve.ready(server 9) ok, reserve.expired(contract 17) abnormal, reserve.ready(contract 18) ok"},
		{"tried 30 days ago", at("2026-02-01 00:00:00"), []reserve.Item{tried, contract("2027-12-31")}, "reserve.ready(server 9) ok, reserve.ready(contract 17) ok"},
		{"longer ago", at("2026-02-01 00:00:01"), []reserve.Item{tried, contract("2027-12-31")}, "reserve.untested(server 9) attention, reserve.ready(contract 17) ok"},
		{"never tried", at("2026-02-01 00:00:00"), []reserve.Item{untried, contract("2027-12-31")}, "reserve.untested(server 9) attention, reserve.ready(contract 17) ok"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := reserve.Default()
			cfg.Items = tc.items
			if err := cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			out := checks.NewOutput(0)
			if err := reserve.NewCheck(cfg, needs, beijing, func() time.Time { return tc.now }).Run(context.Background(), out); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range out.Findings() {
				s := f.Code
				if f.Subject != "" {
					s += "(" + f.Subject + ")"
				}
				got = append(got, s+" "+f.Verdict.String())
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPlanWithoutNeeds: nothing wanted is nothing to look at, not health.
func TestPlanWithoutNeeds(t *testing.T) {
	err := reserve.NewCheck(reserve.Default(), nil, time.UTC, time.Now).Run(context.Background(), checks.NewOutput(0))
	if !errors.Is(err, checks.ErrNotApplicable) {
		t.Errorf("got %v, want not applicable", err)
	}
}

// TestMistakes names the key of each.
func TestMistakes(t *testing.T) {
	with := func(f func(*reserve.Item)) reserve.Config {
		c, i := reserve.Default(), contract("2027-03-31")
		f(&i)
		c.Items = []reserve.Item{i}
		return c
	}
	for want, cfg := range map[string]reserve.Config{
		"warn_before: ":              {WarnBefore: time.Hour},
		"items[0].name: ":            with(func(i *reserve.Item) { i.Name = " " }),
		"items[0].for: is missing":   with(func(i *reserve.Item) { i.For = "" }),
		"items[0].for: the plan":     with(func(i *reserve.Item) { i.For = "generator" }),
		"items[0]: says neither":     with(func(i *reserve.Item) { i.Phone = "" }),
		"items[0].expires: \"31.":    with(func(i *reserve.Item) { i.Expires = "31.3.2027" }),
		"items[0].expires: is":       with(func(i *reserve.Item) { i.Expires = "" }),
		"items[0].tested: ":          with(func(i *reserve.Item) { i.Tested = "2026-02-30" }),
		"items[0].arrives_within: i": with(func(i *reserve.Item) { i.ArrivesWithin = 0 }),
		"items[0].arrives_within: -": with(func(i *reserve.Item) { i.ArrivesWithin = -1 }),
		"items[0].test_every: ":      with(func(i *reserve.Item) { i.TestEvery = time.Minute }),
		"items[1].name: ":            {WarnBefore: 24 * time.Hour, Items: []reserve.Item{spare, spare}},
	} {
		err := errors.Join(cfg.Validate(), cfg.Fits(needs))
		if err == nil || !strings.Contains("\n"+err.Error(), "\n"+want) {
			t.Errorf("%q: got %v", want, fmt.Sprint(err))
		}
	}
}
