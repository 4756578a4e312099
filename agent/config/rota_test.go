package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xunjian/agent/config"
)

const rotaConfig = `zone: Asia/Shanghai
roster:
  people:
    - {id: li, name: 李明, roles: [tech-staff], mail: li@example.org}
    - {id: zhang, name: 张伟, roles: [tech-staff, business-manager]}
    - {id: zhang-2, name: 张三丰, roles: [tech-staff]}
    - {id: wang, name: 王芳, roles: [business-manager]}
  shifts: [{role: tech-staff, calendar: duty.ics}]
`

// rota loads the configuration beside a calendar with these titles, one a day
// from today on.
func rota(t *testing.T, titles ...string) (*config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example.org//duty//EN\r\n")
	for n, title := range titles {
		day := time.Now().UTC().AddDate(0, 0, n).Format("20060102")
		b.WriteString("BEGIN:VEVENT\r\nUID:" + day + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:" + day + "T000000Z\r\nDTEND:" + day + "T235959Z\r\nSUMMARY:" + title + "\r\nEND:VEVENT\r\n")
	}
	b.WriteString("END:VCALENDAR\r\n")
	for name, text := range map[string]string{"duty.ics": b.String(), "xunjian.yaml": rotaConfig} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load(filepath.Join(dir, "xunjian.yaml"))
}

func TestRotaFromACalendar(t *testing.T) {
	c, err := rota(t, "值班：李明", "On call zhang (platform)", "LI@example.org")
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.LoadPlan()
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.LoadRoster(p)
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Now().UTC().Truncate(24 * time.Hour).Add(12 * time.Hour)
	for n, want := range []string{"li", "zhang", "li", "li zhang zhang-2"} { // in a gap all stand for the role
		if got := strings.Join(r.OnCall("tech-staff", noon.AddDate(0, 0, n), c.Location()), " "); got != want {
			t.Errorf("in %d days %q is on call, want %q", n, got, want)
		}
	}
}

func TestBadRotas(t *testing.T) {
	for want, titles := range map[string][]string{
		`duty.ics:4: "值班：王芳" names nobody who holds the role tech-staff`:       {"值班：王芳"},
		`duty.ics:11: "zhang / 李明" names nobody who holds the role tech-staff`: {"li", "zhang / 李明"},
		"duty.ics holds no event": {},
	} {
		_, err := rota(t, titles...)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "xunjian.yaml:8:") {
			t.Errorf("%v, want %s with file and line", err, want)
		}
	}
}
