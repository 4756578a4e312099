package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"xunjian/agent/config"
	"xunjian/alerting/plan"
	"xunjian/checks"
	"xunjian/checks/external"
)

func TestDefault(t *testing.T) {
	c := config.Default()
	if err := c.Validate(); err != nil {
		t.Fatalf("the defaults are not valid: %v", err)
	}
	if c.Console.Listen != "127.0.0.1:8720" || c.Metrics.Listen != "127.0.0.1:9720" || c.Data != "data" || c.Host == "" {
		t.Errorf("defaults are %+v", c)
	}
	if got := c.Location().String(); got != "Asia/Shanghai" {
		t.Errorf("zone is %s", got)
	}
	p, err := c.LoadPlan()
	if err != nil || p.ID != "tendering-platform" {
		t.Errorf("plan is %v, %v", p, err)
	}
	if r, err := c.LoadRoster(p); err != nil || len(r.People) != 0 {
		t.Errorf("roster is %v, %v", r, err)
	}
}

// TestDefaultsAreSeparate: a change to one configuration is none to the next.
func TestDefaultsAreSeparate(t *testing.T) {
	a := config.Default()
	a.Checks.Host.Processes.Top = 50
	a.Rules.Files = append(a.Rules.Files, "x.yml")
	if b := config.Default(); b.Checks.Host.Processes.Top == 50 || len(b.Rules.Files) != 0 {
		t.Error("two configurations share their defaults")
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRelativePaths: they start at the folder of the file that names them.
func TestRelativePaths(t *testing.T) {
	dir := t.TempDir()
	cert, key := keyPair(t)
	for name, content := range map[string]string{
		"tls/a.crt": string(cert), "tls/a.key": string(key),
		"plan.yaml": string(plan.DefaultYAML), "roster.yaml": "people:\n  - {id: a, name: 甲, roles: [leader]}\n",
		"rules/a.yml": "groups: []\n", "job.token": "0123456789abcdef01234567",
		"xunjian.yaml": `
data: state
console: {tls_cert: tls/a.crt, tls_key: tls/a.key}
plan: plan.yaml
roster: {file: roster.yaml}
rules: {files: [rules/a.yml, "/etc/rules/*.yml"]}
checks:
  external:
    textfile: {dir: prom}
    jobs: [{name: backup, token_file: job.token, every: 1h}]
`,
	} {
		write(t, filepath.Join(dir, name), []byte(content))
	}
	c, err := config.Load(filepath.Join(dir, "xunjian.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.Path, c.Data, c.Console.TLSCert, c.Console.TLSKey, c.Plan, c.Roster.File, c.Checks.External.Textfile.Dir, c.Checks.External.Jobs[0].TokenFile}
	got = append(got, c.Rules.Files...)
	want := []string{"xunjian.yaml", "state", "tls/a.crt", "tls/a.key", "plan.yaml", "roster.yaml", "prom", "job.token", "rules/a.yml"}
	for i := range want {
		want[i] = filepath.Join(dir, want[i])
	}
	if diff := cmp.Diff(append(want, "/etc/rules/*.yml"), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p, err := c.LoadPlan()
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.LoadRoster(p); err != nil || len(r.Holders("leader")) != 1 {
		t.Errorf("roster is %v, %v", r, err)
	}
}

// TestRulesAreReadWithTheirPlan: a code that only the operator's plan has.
func TestRulesAreReadWithTheirPlan(t *testing.T) {
	dir := t.TempDir()
	own := strings.NewReplacer("code: H01", "code: H02").Replace(string(plan.DefaultYAML))
	write(t, filepath.Join(dir, "plan.yaml"), []byte(own))
	write(t, filepath.Join(dir, "site.yml"), []byte("groups:\n  - name: site\n    rules:\n      - alert: A\n        expr: up == 0\n"+
		"        labels: {code: H02, kind: incident}\n        annotations: {summary: Down, summary_zh: 不可用}\n"))
	name := filepath.Join(dir, "xunjian.yaml")
	if _, err := config.Parse(name, []byte("plan: plan.yaml\nrules: {files: [site.yml]}\n")); err != nil {
		t.Errorf("a rule with a code of the own plan: %v", err)
	}
	_, err := config.Parse(name, []byte("rules: {files: [site.yml]}\n"))
	if err == nil || !strings.Contains(err.Error(), `the plan has no "H02"`) {
		t.Errorf("a rule with a code of another plan: %v", err)
	}
}

func TestLoadMissing(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "none.yaml"))
	if err == nil || !strings.HasPrefix(err.Error(), "read configuration: ") {
		t.Errorf("a missing file: %v", err)
	}
}

func TestDataStaysWhereItIsWithoutAWord(t *testing.T) {
	c, err := config.Parse("/etc/xunjian/xunjian.yaml", []byte("language: en\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Data != config.DefaultData {
		t.Errorf("data is %s: a folder beside the file that nobody asked for", c.Data)
	}
}

func TestEnabled(t *testing.T) {
	c := config.Checks{Disable: []string{"raid", "plugin", "plugin/disk"}}
	for name, want := range map[string]bool{"cpu": true, "raid": false, "plugin/disk": false, "plugin/load": false, "raids": true, "x/raid": true} {
		if got := c.Enabled(name); got != want {
			t.Errorf("%s enabled: %v", name, got)
		}
	}
}

func TestRhythm(t *testing.T) {
	c := config.Checks{Schedule: map[string]checks.Schedule{
		"plugin":      {Interval: time.Minute, SeriesLimit: 10},
		"plugin/disk": {Timeout: 5 * time.Second},
	}}
	own := checks.Schedule{Interval: time.Second, Timeout: time.Second, SeriesLimit: 1}
	if got, want := c.Rhythm("plugin/disk", own), (checks.Schedule{Interval: time.Minute, Timeout: 5 * time.Second, SeriesLimit: 10}); got != want {
		t.Errorf("plugin/disk: %+v, want %+v", got, want)
	}
	if got := c.Rhythm("cpu", own); got != own {
		t.Errorf("cpu: %+v, want its own", got)
	}
}

// TestOverrides: what may be said of single checks.
func TestOverrides(t *testing.T) {
	c, err := config.Parse("x.yaml", []byte(`
checks:
  disable: [raid, textfile, plugin/disk]
  schedule:
    cpu: {interval: 1s}
    self_data: {interval: 30s}
    plugin: {interval: 5m}
  external:
    plugins:
      - {name: disk, command: [/bin/true]}
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Checks.Enabled("raid") || !c.Checks.Enabled("cpu") || c.Checks.Rhythm("plugin/x", checks.Schedule{}).Interval != 5*time.Minute {
		t.Errorf("read as %+v", c.Checks)
	}
}

const hidden = "hunter2-hunter2-hunter2"

// TestSecrets counts the secrets of the configuration and prints each in every
// way there is. Whoever adds one must count it here, and whoever adds a text
// that sounds like one must make it a Secret.
func TestSecrets(t *testing.T) {
	secrets, loose := 0, []string{}
	sounds := regexp.MustCompile(`(?i)token|password|secret|passphrase|credential`)
	walk(reflect.TypeFor[config.Config](), "", func(path string, f reflect.StructField) {
		switch {
		case f.Type == reflect.TypeFor[external.Secret]():
			secrets++
		case sounds.MatchString(f.Name) && !strings.HasSuffix(f.Name, "File"):
			loose = append(loose, path)
		}
	})
	if secrets != 1 {
		t.Errorf("the configuration has %d secrets, this test knows of 1 (checks.external.jobs[].token)", secrets)
	}
	if len(loose) > 0 {
		t.Errorf("these sound like secrets and are plain text: %v", loose)
	}
	c, err := config.Parse("x.yaml", []byte("checks: {external: {jobs: [{name: a, every: 1h, token: "+hidden+"}]}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(c.Checks.External)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(c.Checks.External)
	if err != nil {
		t.Fatal(err)
	}
	for how, printed := range map[string]string{
		"%v": fmt.Sprintf("%v", *c), "%+v": fmt.Sprintf("%+v", *c), "%#v": fmt.Sprintf("%#v", c.Checks.External), "%s": fmt.Sprintf("%s", c.Checks.External.Jobs),
		"%q": fmt.Sprintf("%q", c.Checks.External.Jobs), "%x": fmt.Sprintf("%x", c.Checks.External.Jobs[0].Token), "JSON": string(asJSON), "YAML": string(asYAML),
	} {
		if strings.Contains(printed, hidden) || strings.Contains(printed, fmt.Sprintf("%x", hidden)) {
			t.Errorf("printed by %s it can be read: %s", how, printed)
		}
	}
}

// TestSecretsStayOutOfErrors: a mistake beside a secret does not show it.
func TestSecretsStayOutOfErrors(t *testing.T) {
	for _, text := range []string{
		"checks: {external: {jobs: [{nam: a, every: 1h, token: " + hidden + "}]}}\n",
		"checks:\n  external:\n    jobs:\n      - name: a\n        token: " + hidden + "!\n        every: 1h\n",
		"checks:\n  external:\n    jobs:\n      - name: a\n        token: [" + hidden + "]\n        every: 1h\n",
	} {
		_, err := config.Parse("x.yaml", []byte(text))
		if err == nil || strings.Contains(err.Error(), hidden) {
			t.Errorf("the secret stands in the error, or there is none: %v", err)
		}
	}
}

// walk calls f for every field that a file can set.
func walk(typ reflect.Type, path string, f func(path string, field reflect.StructField)) {
	for i := range typ.NumField() {
		sf := typ.Field(i)
		name, opts, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		if strings.Contains(opts, "inline") {
			walk(sf.Type, path, f)
			continue
		}
		if name == "-" || name == "" {
			continue
		}
		p := strings.TrimPrefix(path+"."+name, ".")
		f(p, sf)
		t := sf.Type
		for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() == reflect.Map {
			t = t.Elem()
			p += ".*"
		}
		if t.Kind() == reflect.Struct {
			walk(t, p, f)
		}
	}
}

// keysOf lists the paths of every key, without places in lists.
func keysOf(typ reflect.Type, path string) []string {
	var out []string
	walk(typ, path, func(p string, _ reflect.StructField) { out = append(out, p) })
	return out
}

// wholeKeys lists the paths that stand in a file, without places in lists; a
// key of a table counts as "*" too.
func wholeKeys(t *testing.T, text []byte) map[string]bool {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	var down func(path string, v any)
	down = func(path string, v any) {
		out[path] = true
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				down(strings.TrimPrefix(path+"."+key, "."), value)
				down(strings.TrimPrefix(path+".*", "."), value)
			}
		case []any:
			for _, item := range v {
				down(path, item)
			}
		}
	}
	down("", tree)
	return out
}

// valueAt returns what a path holds; false inside lists and tables.
func valueAt(v any, path string) (reflect.Value, bool) {
	at := reflect.Indirect(reflect.ValueOf(v))
	for key := range strings.SplitSeq(path, ".") {
		if at.Kind() != reflect.Struct {
			return at, false
		}
		next, ok := fieldOf(at, key)
		if !ok {
			return at, false
		}
		at = next
	}
	return at, at.Kind() != reflect.Struct
}

func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		name, opts, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if strings.Contains(opts, "inline") {
			if f, ok := fieldOf(v.Field(i), key); ok {
				return f, true
			}
		} else if name == key {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

func keyPair(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "xunjian.example.org"},
		NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"xunjian.example.org"}, EmailAddresses: []string{"xunjian@example.org"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}
