package inbound_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"xunjian/agent/inbound"
	"xunjian/alerting/yamlfile"
)

func decode(yaml string) error {
	cfg := inbound.Default()
	return yamlfile.Decode("inbound.yaml", []byte(yaml), &cfg, func() error { return cfg.Validate() })
}

// Every mistake begins with its key and says what is allowed.
func TestBadConfigurations(t *testing.T) {
	secret := file(t, "secret-of-a-test\n")
	hook := func(more string) string {
		return "webhooks: [{name: w, secret_file: " + secret + ", signature: {header: X-S}, fields: {key: k, status: s, title: t}, status_values: {firing: [a], ended: [b]}" + more + "}]"
	}
	if err := decode(hook("")); err != nil {
		t.Fatal(err)
	}
	bare := func(inside string) string { return "webhooks: [{" + inside + "}]" }
	full := "fields: {key: k, status: s, title: t}, status_values: {firing: [a], ended: [b]}"
	for _, c := range []struct{ yaml, want string }{
		{"token_file: /none", "token_file: cannot read /none: no such file or directory"},
		{"token_file: " + file(t, "\n"), "is empty; put the secret there"},
		{"username: u", "password_file: needed with username"},
		{"password_file: " + secret, "username: needed with password_file"},
		{"username: 'a:b'\npassword_file: " + secret, `username: "a:b" has a colon`},
		{"resolve_timeout: 1s", "resolve_timeout: 1s is out of range; allowed: 10s to 24h0m0s, like 5m"},
		{"resolve_timeout: soon", "resolve_timeout: "},
		{"renew_within: 10s", "renew_within: 10s is out of range; allowed: 1m0s to 720h0m0s"},
		{"unmatched: keep", `unmatched: unknown value "keep"; allowed: warning, drop`},
		{"mapp: []", `mapp: unknown key`},
		{"map: [{set: {code: E01}}]", "map[0].match: empty; allowed: matchers like"},
		{"map: [{match: ['a=~\"(\"'], set: {code: E01}}]", "map[0].match[0]: \"a=~\\\"(\\\"\" is no matcher"},
		{"map: [{match: ['?'], set: {code: E01}}]", `map[0].match[0]: "?" is no matcher`},
		{"map: [{match: ['a=b']}]", "map[0].set: empty; allowed: code, level, kind, system, scenario, cause, resolve"},
		{"map: [{match: ['a=b'], set: {code: E01, level: V}}]", `map[0].set.level: unknown level "V"; allowed: I, II, III, IV`},
		{"map: [{match: ['a=b'], set: {kind: incident}}]", "map[0].set.code: needed with kind: incident"},
		{"map: [{match: ['a=b'], set: {kind: alarm}}]", `map[0].set.kind: unknown value "alarm"; allowed: incident, warning`},
		{"map: [{match: ['a=b'], set: {resolve: never}}]", `map[0].set.resolve: unknown value "never"; allowed: auto, manual`},
		{bare("name: 'A b', token_file: " + secret + ", " + full), `webhooks[0].name: "A b" is not a name`},
		{bare("name: alertmanager, token_file: " + secret + ", " + full), "webhooks[0].name: alertmanager is served already"},
		{bare("name: w, " + full), "webhooks[0].secret_file: who sends must prove it"},
		{bare("name: w, token_file: " + secret + ", secret_file: " + secret + ", " + full), "webhooks[0].secret_file: who sends must prove it; give one of"},
		{bare("name: w, secret_file: " + secret + ", " + full), "webhooks[0].signature.header: needed with secret_file"},
		{bare("name: w, secret_file: /none, signature: {header: X-S}, " + full), "webhooks[0].secret_file: cannot read /none"},
		{bare("name: w, token_file: " + secret + ", signature: {scheme: hmac-sha256}, " + full), "webhooks[0].signature.scheme: hmac-sha256 does not go with the file that is given; allowed: bearer"},
		{bare("name: w, token_file: " + secret + ", signature: {scheme: md5}, " + full), `webhooks[0].signature.scheme: unknown value "md5"; allowed: hmac-sha256, bearer, basic`},
		{bare("name: w, token_file: " + secret + ", signature: {timestamp_header: X-T}, " + full), "webhooks[0].signature.timestamp_header: only a signature holds a time"},
		{bare("name: w, secret_file: " + secret + ", signature: {header: 'X S'}, " + full), `webhooks[0].signature.header: "X S" is no name of a header`},
		{bare("name: w, secret_file: " + secret + ", signature: {header: X-S, window: 2h}, " + full), "webhooks[0].signature.window: 2h0m0s is out of range"},
		{bare("name: w, form: nagios, token_file: " + secret), `webhooks[0].form: unknown form "nagios"; allowed: grafana, nightingale, zabbix`},
		{bare("name: w, token_file: " + secret), "webhooks[0].fields.status: needed, as no form gives it"},
		{bare("name: w, token_file: " + secret), "webhooks[0].fields.title: needed"},
		{bare("name: w, token_file: " + secret), "webhooks[0].fields.key: needed without labels"},
		{bare("name: w, token_file: " + secret), "webhooks[0].status_values.ended: empty"},
		{bare("name: w, form: grafana, token_file: " + secret + ", fields: {title: '{{.x'}"), "webhooks[0].fields.title: the template is wrong: "},
		{bare("name: w, form: grafana, token_file: " + secret + ", fields: {title: '{{.x}}{{end}}'}"), "webhooks[0].fields.title: the template is wrong: "},
		{bare("name: w, form: grafana, token_file: " + secret + ", fields: {title: '{{exec \"ls\"}}'}"), `function "exec" not defined`},
		{bare("name: w, form: grafana, token_file: " + secret + ", fields: {label: {x: 'a..b'}}"), `webhooks[0].fields.label.x: "a..b" is no path`},
		{bare("name: w, form: grafana, token_file: " + secret + ", fields: {since: 'a['}"), `webhooks[0].fields.since: "a[" is no path`},
		{hook(", list: '{{.x}}'"), `webhooks[0].list: "{{.x}}" is no path`},
		{hook(", level_values: {V: [x]}"), `webhooks[0].level_values: unknown level "V"`},
		{hook(", renew_within: 1s"), "webhooks[0].renew_within: 1s is out of range"},
		{hook(", zone: Mars/Base"), `webhooks[0].zone: unknown zone "Mars/Base"; allowed: like Asia/Shanghai`},
		{strings.Replace(hook(""), "ended: [b]", "ended: [A]", 1), `webhooks[0].status_values: "a" stands for firing and for ended`},
		{bare("name: w, form: zabbix, token_file: "+secret) + "\n", ""},
		{"webhooks: [{name: w, form: zabbix, token_file: " + secret + "}, {name: w, form: zabbix, token_file: " + secret + "}]", `webhooks[1].name: "w" stands twice`},
	} {
		err := decode(c.yaml)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.yaml, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret-of") {
			t.Errorf("%s\n got %v\nwant …%s…", c.yaml, err, c.want)
		}
	}
}

// What the plan in force does not have.
func TestPlanIsHeeded(t *testing.T) {
	var cfg inbound.Config
	cfg.Map = []inbound.Mapping{{Match: []string{"a=b"}, Set: inbound.Set{Code: "X01", Scenario: "flood"}}}
	_, err := inbound.New(cfg, inbound.Options{Desk: &deskOfTest{}, Plan: planOfTest})
	for _, want := range []string{`map[0].set.code: the plan has no code "X01"; allowed: `, `map[0].set.scenario: the plan has no scenario "flood"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want …%s…", err, want)
		}
	}
}

// Paths and secrets are named where the configuration's owner looks for them.
func TestPathsAndSecrets(t *testing.T) {
	dir := t.TempDir()
	var cfg inbound.Config
	cfg.Webhooks = make([]inbound.Webhook, 2)
	paths := cfg.Paths()
	for n, p := range paths {
		*p = filepath.Join(dir, fmt.Sprint(n))
	}
	secrets := cfg.Secrets()
	is(t, "paths", len(paths), 8)
	is(t, "secrets", len(secrets), 8)
	is(t, "a webhook's", secrets["webhooks[1].secret_file"], filepath.Join(dir, "5"))
}

// Each form that comes with the program is whole.
func TestFormsAreWhole(t *testing.T) {
	files, err := os.ReadDir("forms")
	if err != nil {
		t.Fatal(err)
	}
	forms := inbound.Forms()
	is(t, "forms", len(forms), len(files))
	is(t, "sorted", slices.IsSorted(forms), true)
	for _, f := range forms {
		if err := decode("webhooks: [{name: w, form: " + f + ", token_file: " + file(t, "x") + "}]"); err != nil {
			t.Error(err)
		}
	}
}
