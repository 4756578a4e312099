package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"xunjian/agent/config"
	"xunjian/alerting/plan"
	"xunjian/alerting/yamlfile"
	"xunjian/alerting/yamlfile/yamlschema"
	"xunjian/checks/backup"
)

//go:generate go test -run ^TestSchemaIsCurrent$ -update .

const schemaFile = "../../deploy/xunjian.schema.json"

func TestSchemaIsCurrent(t *testing.T) {
	got, err := yamlschema.Of(config.Defaults(), yamlschema.Options{
		Title: "Configuration of Xunjian", Optional: true,
		Base: "xunjian/agent/config", Sources: []string{".", "../../checks", "../../rules", "../../alerting/roster", "../../alerting/notify"},
		Enums: map[reflect.Type][]string{
			reflect.TypeFor[plan.SystemKind](): {"business", "opening"},
			reflect.TypeFor[backup.Kind]():     {"files", "pg_dump", "mysqldump", "pg_basebackup", "wal", "restic", "borg"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is out of date: run go generate ./agent/config (-file +now)\n%s", schemaFile, diff)
	}
}

// TestExampleHoldsTheDefaults: what stands live in it changes nothing.
func TestExampleHoldsTheDefaults(t *testing.T) {
	got, err := config.Parse("/etc/xunjian/xunjian.yaml", config.Example)
	if err != nil {
		t.Fatal(err)
	}
	empty, err := config.Parse("/etc/xunjian/xunjian.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	same := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(config.Config{})}
	if diff := cmp.Diff(empty, got, same); diff != "" {
		t.Errorf("(-defaults +example):\n%s", diff)
	}
	live := wholeKeys(t, config.Example)
	for _, key := range keysOf(reflect.TypeFor[config.Config](), "") {
		v, ok := valueAt(config.Defaults(), key)
		if ok && !v.IsZero() && !live[key] {
			t.Errorf("%s has a default, and the example does not show it live", key)
		}
	}
}

var (
	sampleItem = regexp.MustCompile(`^( *)#(  .*)$`)
	sampleKey  = regexp.MustCompile(`^( *)#([a-z_]+:.*)$`)
	emptyValue = regexp.MustCompile(`^( *[a-z_]+:) (\[\]|\{\}|"")$`)
)

// uncommented returns the example with every sample in it live.
func uncommented() []byte {
	var out []string
	for line := range strings.SplitSeq(string(config.Example), "\n") {
		if m := sampleKey.FindStringSubmatch(line); m != nil {
			out = append(out, m[1]+m[2])
			continue
		}
		m := sampleItem.FindStringSubmatch(line)
		if m == nil {
			out = append(out, line)
			continue
		}
		if e := emptyValue.FindStringSubmatch(out[len(out)-1]); e != nil {
			out[len(out)-1] = e[1]
		}
		out = append(out, m[1]+m[2])
	}
	return []byte(strings.Join(out, "\n"))
}

// TestExampleNamesEveryKey: live or as a sample, each key of the configuration
// stands in it, and nothing that is none.
func TestExampleNamesEveryKey(t *testing.T) {
	text := uncommented()
	if err := yamlfile.Decode("example", text, config.Defaults(), nil); err != nil {
		t.Fatalf("the samples do not read:\n%v", err)
	}
	have := wholeKeys(t, text)
	for _, key := range keysOf(reflect.TypeFor[config.Config](), "") {
		if !have[key] {
			t.Errorf("the example does not name %s", key)
		}
	}
}

// duty is a calendar with a turn that runs now.
func duty() []byte {
	day := time.Now().UTC().Format("20060102")
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example.org//duty//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:" +
		day + "\r\nSUMMARY:值班 zhang-san\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

// ownForm is a shipped form under another id.
func ownForm(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("../../alerting/inspection/forms/periodic.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Replace(b, []byte("id: periodic"), []byte("id: daily"), 1)
}

// TestExampleSamplesAreValid: with the files it names there, every sample can
// be used as it stands.
func TestExampleSamplesAreValid(t *testing.T) {
	dir := t.TempDir()
	cert, key := keyPair(t)
	for name, content := range map[string][]byte{
		"tls.crt": cert, "tls.key": key, "plan.yaml": plan.DefaultYAML,
		"mail.password": []byte("hunter2\n"), "duty-group.url": []byte("https://oapi.dingtalk.com/robot/send?access_token=x\n"),
		"duty-group.secret": []byte("SECx\n"), "operations.secret": []byte("x\n"), "archive.url": []byte("https://archive.example.org/x\n"), "mail-ca.pem": cert, "mail-sign.pem": cert, "mail-sign.key": key, "peer.url": []byte("https://peer.example.org/ping/x\n"), "watch.token": []byte("x\n"), "sms.token": []byte("x\n"), "voice.url": []byte("https://voice.example.org/x\n"), "aliyun.secret": []byte("x\n"), "tencent.secret": []byte("x\n"), "pagerduty.key": []byte("0123456789abcdef0123456789abcdef\n"), "am.password": []byte("x\n"), "am.token": []byte("x\n"), "inbound.token": []byte("0123456789abcdef0123\n"), "inbound.password": []byte("correct horse battery\n"), "zabbix.token": []byte("0123456789abcdef0123\n"), "own.secret": []byte("0123456789abcdef0123456789abcdef\n"), "slack.token": []byte("xoxb-1\n"), "slack.app-token": []byte("xapp-1\n"), "slack.secret": []byte("x\n"), "dingtalk-app.secret": []byte("x\n"), "feishu-app.secret": []byte("x\n"), "postgres.password": []byte("x\n"), "mysql.password": []byte("x\n"), "redis.password": []byte("x\n"), "db-ca.pem": cert, "db-client.pem": cert, "db-client.key": key, "prober.password": []byte("x\n"), "prober.token": []byte("x\n"), "platform-ca.pem": cert, "p12.password": []byte("x\n"), "backup.token": []byte("0123456789abcdef01234567\n"), "rules/site.yml": []byte("groups: []\n"), "sql.password": []byte("x\n"),
		"forms/daily.yaml": ownForm(t),
		"duty.ics":         duty(),
		"snmp.community":   []byte("x\n"), "snmp.auth": []byte("0123456789\n"), "snmp.priv": []byte("0123456789\n"),
	} {
		write(t, filepath.Join(dir, name), content)
	}
	text := strings.ReplaceAll(string(uncommented()), "/etc/xunjian", dir)
	// The one place where both of two ways stand side by side.
	text = strings.Replace(text, "  file: "+dir+"/roster.yaml\n", "", 1)
	cfg, err := config.Parse(filepath.Join(dir, "xunjian.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Checks.External.Jobs) != 2 || len(cfg.Roster.People) != 2 || len(cfg.Notify.Rules) != 3 || len(cfg.Roster.Shifts) != 2 || cfg.Systems["opening-hall"] != plan.Opening {
		t.Errorf("samples are lost: %+v", cfg)
	}
}

// TestExampleExplainsInBothLanguages: each comment of prose in Chinese has one
// in English near it.
func TestExampleExplainsInBothLanguages(t *testing.T) {
	han := regexp.MustCompile(`\p{Han}`)
	for block := range strings.SplitSeq(string(config.Example), "\n\n") {
		var zh, en int
		for line := range strings.SplitSeq(block, "\n") {
			line = strings.TrimSpace(line)
			prose, ok := strings.CutPrefix(line, "# ")
			if !ok || strings.HasPrefix(prose, " ") || strings.HasPrefix(prose, "yaml-language-server") {
				continue
			}
			if han.MatchString(prose) {
				zh++
			}
			if !han.MatchString(prose) || strings.Contains(prose, " · ") {
				en++
			}
		}
		if (zh == 0) != (en == 0) {
			t.Errorf("one language alone:\n%s", block)
		}
	}
}

func TestSchemaAcceptsTheExample(t *testing.T) {
	for name, text := range map[string][]byte{"as it is": config.Example, "with all samples": uncommented()} {
		if err := bySchema(t, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"lisen: x\n", "console: {port: 1}\n", "rules: {retention: 15}\n", "systems: {a: b}\n", "checks: {disable: cpu}\n"} {
		if err := bySchema(t, []byte(bad)); err == nil {
			t.Errorf("the schema accepts %q", bad)
		}
	}
}

func bySchema(t *testing.T, file []byte) error {
	t.Helper()
	b, err := yaml.YAMLToJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("xunjian.schema.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("xunjian.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(doc)
}
