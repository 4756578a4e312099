package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// interval is how often the filesystems are looked at in these tests.
const interval = 3 * time.Second

// TestFullFilesystem is the main job, end to end, on real parts: a filesystem
// is filled, an incident with evidence opens within two intervals, somebody
// acknowledges it in a browser, the space is freed, the alert ends, the
// incident resolves, and the whole timeline verifies.
func TestFullFilesystem(t *testing.T) {
	mount := mountTmpfs(t, "16m")
	p, consoleURL, password := startWatching(t)
	waitFor(t, 30*time.Second, "first look at "+mount, func() bool { return p.sees(t, mount) })

	filled := time.Now()
	fill(t, filepath.Join(mount, "bids.tmp"))
	var opened incidentJSON
	waitFor(t, time.Minute, "incident about "+mount, func() bool {
		var found bool
		opened, found = p.incidentAbout(t, mount)
		return found
	})
	if late := opened.OpenedAt.Sub(filled); late > 2*interval {
		t.Errorf("the incident opened %v after the filesystem was full; two intervals are %v", late, 2*interval)
	}
	if opened.Code != "E01" || opened.State != "open" || opened.Level != "IV" {
		t.Errorf("incident is %s %s %s, want E01 open IV", opened.Code, opened.State, opened.Level)
	}
	p.evidenceNames(t, opened.ID, mount)

	acknowledgeInBrowser(t, consoleURL, password, opened.ID)
	p.get(t, "/api/v1/incidents/"+opened.ID, &opened)
	if opened.State != "acknowledged" || opened.AcknowledgedBy != "admin" {
		t.Errorf("after the browser the incident is %s by %q, want acknowledged by admin", opened.State, opened.AcknowledgedBy)
	}

	if err := os.Remove(filepath.Join(mount, "bids.tmp")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, time.Minute, "end of the incident", func() bool {
		p.get(t, "/api/v1/incidents/"+opened.ID, &opened)
		return opened.State == "resolved"
	})
	wantKinds(t, p, opened.ID, "opened", "alert_joined", "evidence_taken", "step_looked", "acknowledged", "alert_ended", "resolved")
	bin, _ := binary()
	out, err := exec.Command(bin, "incidents", "verify", "--data", p.data, "--lang", "en").CombinedOutput()
	if err != nil {
		t.Errorf("xunjian incidents verify: %v\n%s", err, out)
	}
	if err := p.stop(t); err != nil {
		t.Errorf("the agent ended with %v\n%s", err, p.output)
	}
}

// TestDataLost unmounts a full filesystem: nobody knows then whether the fault
// is over, so the alert is lost, not ended, and the incident stays open.
func TestDataLost(t *testing.T) {
	mount := mountTmpfs(t, "16m")
	p, _, _ := startWatching(t)
	fill(t, filepath.Join(mount, "bids.tmp"))
	var i incidentJSON
	waitFor(t, time.Minute, "incident about "+mount, func() bool {
		var found bool
		i, found = p.incidentAbout(t, mount)
		return found
	})
	if err := syscall.Unmount(mount, 0); err != nil {
		t.Fatal(err)
	}
	waitFor(t, time.Minute, "lost alert", func() bool {
		p.get(t, "/api/v1/incidents/"+i.ID, &i)
		return len(i.Alerts) > 0 && i.Alerts[0].State == "lost"
	})
	if i.State != "open" {
		t.Errorf("the incident is %s though nobody knows; want open", i.State)
	}
	// A restart does not turn it into an end.
	p.kill()
	p = start(t, p.data, "--config", filepath.Join(p.data, "xunjian.yaml"))
	p.ready(t)
	waitFor(t, 30*time.Second, "results after the restart", func() bool { return p.sees(t, "/") })
	p.get(t, "/api/v1/incidents/"+i.ID, &i)
	if i.State != "open" || i.Alerts[0].State != "lost" {
		t.Errorf("after a restart the incident is %s and its alert %s; want open and lost", i.State, i.Alerts[0].State)
	}
}

type incidentJSON struct {
	ID             string    `json:"id"`
	Code           string    `json:"code"`
	State          string    `json:"state"`
	Level          string    `json:"level"`
	Key            string    `json:"key"`
	AcknowledgedBy string    `json:"acknowledged_by"`
	OpenedAt       time.Time `json:"opened_at"`
	Alerts         []struct {
		State  string            `json:"state"`
		Labels map[string]string `json:"labels"`
	} `json:"alerts"`
	Evidence []struct {
		ID string `json:"id"`
	} `json:"evidence"`
}

func mountTmpfs(t *testing.T, size string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bids")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("xunjian-test", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("mount a tmpfs (the tests need root for it): %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fill writes until there is no room.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}

// startWatching starts an agent that looks at filesystems at the interval, and
// returns where its console is and the first password.
func startWatching(t *testing.T) (p *process, consoleURL, password string) {
	t.Helper()
	data := t.TempDir()
	config := fmt.Sprintf("checks:\n  schedule:\n    filesystem: {interval: %s, timeout: 2s}\n", interval)
	file := filepath.Join(data, "xunjian.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p = start(t, data, "--config", file)
	p.ready(t)
	said := regexp.MustCompile(`(?s)(http://[^\s]+).*admin.*?([a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4})`)
	var m []string
	waitFor(t, 10*time.Second, "announcement", func() bool {
		m = said.FindStringSubmatch(p.output.String())
		return m != nil
	})
	return p, m[1], m[2]
}

// sees reports whether the filesystem check has looked at a mount.
func (p *process) sees(t *testing.T, mount string) bool {
	t.Helper()
	status, body, err := p.call("GET", "/api/v1/checks/filesystem", nil)
	return err == nil && status == 200 && strings.Contains(string(body), mount)
}

func (p *process) incidentAbout(t *testing.T, mount string) (incidentJSON, bool) {
	t.Helper()
	var list struct{ Incidents []incidentJSON }
	p.get(t, "/api/v1/incidents", &list)
	var found []incidentJSON
	for _, i := range list.Incidents {
		for _, a := range i.Alerts {
			if a.Labels["mountpoint"] == mount {
				found = append(found, i)
				break
			}
		}
	}
	if len(found) > 1 {
		t.Fatalf("%d incidents about %s, want one", len(found), mount)
	}
	if len(found) == 0 {
		return incidentJSON{}, false
	}
	return found[0], true
}

// evidenceNames waits for the snapshot and looks for the mount in it, and for
// the parts that every snapshot has.
func (p *process) evidenceNames(t *testing.T, id, mount string) {
	t.Helper()
	var i incidentJSON
	waitFor(t, 20*time.Second, "evidence", func() bool {
		p.get(t, "/api/v1/incidents/"+id, &i)
		return len(i.Evidence) > 0
	})
	var snap struct {
		Values []struct{ Labels map[string]string }
		Charts []struct {
			Series []struct{ Points [][2]float64 }
		}
		Processes []struct{ PID int }
		Mounts    []struct{ Mountpoint string }
		Sockets   json.RawMessage
		KernelLog []string `json:"kernel_log"`
		Errors    []string
	}
	p.get(t, "/api/v1/incidents/"+id+"/evidence/"+i.Evidence[0].ID, &snap)
	if len(snap.Values) == 0 || snap.Values[0].Labels["mountpoint"] != mount {
		t.Errorf("the evidence does not name %s: %+v", mount, snap.Values)
	}
	if len(snap.Charts) == 0 || len(snap.Charts[0].Series) == 0 || len(snap.Charts[0].Series[0].Points) == 0 {
		t.Errorf("the evidence has no chart of the last hour: %+v", snap.Charts)
	}
	if len(snap.Processes) == 0 || len(snap.Mounts) == 0 || len(snap.Sockets) == 0 || len(snap.KernelLog) == 0 || len(snap.Errors) > 0 {
		t.Errorf("parts are missing: %d processes, %d mounts, %d bytes of sockets, %d kernel lines, faults %v",
			len(snap.Processes), len(snap.Mounts), len(snap.Sockets), len(snap.KernelLog), snap.Errors)
	}
}

func wantKinds(t *testing.T, p *process, id string, kinds ...string) {
	t.Helper()
	var timeline struct {
		Events []struct{ Kind string }
	}
	p.get(t, "/api/v1/incidents/"+id+"/events", &timeline)
	rest := kinds
	for _, e := range timeline.Events {
		if len(rest) > 0 && e.Kind == rest[0] {
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		t.Errorf("the timeline lacks %v (in the order %v): %+v", rest, kinds, timeline.Events)
	}
}

// browser starts a headless Chromium with an empty profile.
func browser(t *testing.T) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", "en"), chromedp.WindowSize(1440, 1000),
	)
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func acknowledgeInBrowser(t *testing.T, consoleURL, password, id string) {
	t.Helper()
	if _, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(consoleURL, "http://")); err != nil {
		t.Fatalf("console address %q: %v", consoleURL, err)
	}
	ctx := browser(t)
	link := chromedp.CSS(`main a[href="/incidents/` + id + `"]`)
	form := `form[action="/incidents/` + id + `/acknowledge"]`
	must(t, chromedp.Do(ctx,
		chromedp.Navigate(consoleURL),
		chromedp.SendKeys(chromedp.CSS(`input[name=name]`), "admin"),
		chromedp.SendKeys(chromedp.CSS(`input[name=password]`), password),
		chromedp.Click(chromedp.CSS(`main form button.primary`)),
		chromedp.WaitVisible(link),
	))
	board, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(`main`)))
	must(t, err)
	must(t, chromedp.Do(ctx,
		chromedp.Click(link),
		chromedp.WaitVisible(chromedp.CSS(form+` [name=note]`)),
		chromedp.SendKeys(chromedp.CSS(form+` [name=note]`), "moving old uploads away"),
		chromedp.Click(chromedp.CSS(form+` button`)),
		chromedp.WaitNotPresent(chromedp.CSS(form)),
		chromedp.WaitVisible(chromedp.CSS(`#timeline`)),
	))
	after, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(`main`)))
	must(t, err)
	if !strings.Contains(board, "E01") {
		t.Errorf("the board does not show the code:\n%s", board)
	}
	if !strings.Contains(after, "moving old uploads away") {
		t.Errorf("the incident page does not show the note:\n%s", after)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
