package deploy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary builds the agent once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "xunjian-bin-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "xunjian")
	cmd := exec.Command("go", "build", "-trimpath", "-o", bin, "xunjian/cmd/xunjian")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the agent: %w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// daemon is a process that the test started and ends.
type daemon struct {
	name   string
	cmd    *exec.Cmd
	output *lockedBuffer
	exited chan struct{}
}

func run(t *testing.T, name string, args ...string) *daemon {
	t.Helper()
	d := &daemon{name: filepath.Base(name), cmd: exec.Command(name, args...), output: &lockedBuffer{}, exited: make(chan struct{})}
	d.cmd.Stdout, d.cmd.Stderr = d.output, d.output
	if err := d.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v; make packages installs what is missing", d.name, err)
	}
	go func() {
		d.cmd.Wait()
		close(d.exited)
	}()
	t.Cleanup(func() { d.stop(t) })
	return d
}

// stop asks the process to end, and makes it end if it does not.
func (d *daemon) stop(t *testing.T) {
	d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.exited:
	case <-time.After(20 * time.Second):
		t.Errorf("%s does not stop\n%s", d.name, d.output)
		d.cmd.Process.Kill()
		<-d.exited
	}
}

// eventually polls until ask has nothing to complain about.
func (d *daemon) eventually(t *testing.T, ask func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if err = ask(); err == nil {
			return
		}
		select {
		case <-d.exited:
			t.Fatalf("%s stopped\n%s", d.name, d.output)
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("%s: %v\n%s", d.name, err, d.output)
}

// agent is a running agent as the unit starts it: with the example as its
// configuration.
type agent struct {
	*daemon
	data    string
	metrics string // host:port
}

func startAgent(t *testing.T) *agent {
	t.Helper()
	data := t.TempDir()
	a := &agent{data: data}
	a.daemon = run(t, agentBinary(t), "run", "--config", "xunjian.example.yaml", "--data", data,
		"--console", "127.0.0.1:0", "--metrics", "127.0.0.1:0")
	a.eventually(t, func() error {
		out, err := exec.Command(agentBinary(t), "status", "--data", data, "--output", "json").Output()
		if err != nil {
			return fmt.Errorf("no status: %w", err)
		}
		var status struct{ Metrics string }
		if err := json.Unmarshal(out, &status); err != nil {
			return err
		}
		u, err := url.Parse(status.Metrics)
		if err == nil {
			a.metrics = u.Host
		}
		return err
	})
	return a
}

func agentBinary(t *testing.T) string {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// exposition is what the agent shows once the slowest of its checks has run.
func (a *agent) exposition(t *testing.T) string {
	t.Helper()
	var text string
	a.eventually(t, func() error {
		body, err := fetch("http://" + a.metrics + "/metrics")
		if err == nil && !strings.Contains(body, "\nxunjian_tsdb_head_series ") {
			err = fmt.Errorf("the agent does not show its own figures yet")
		}
		text = body
		return err
	})
	return text
}

// fetch returns the body of an answer that must be 200.
func fetch(address string) (string, error) {
	resp, err := http.Get(address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", address, resp.Status, body)
	}
	return string(body), err
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// tool runs a program that checks something; it returns what it says.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// derived writes a shipped file with some of its texts replaced, each of which
// must stand in it.
func derived(t *testing.T, to, from string, oldNew ...string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(oldNew); i += 2 {
		if !strings.Contains(string(b), oldNew[i]) {
			t.Fatalf("%s: %q does not stand in it any more; change the test with it", from, oldNew[i])
		}
	}
	writeFile(t, to, strings.NewReplacer(oldNew...).Replace(string(b)))
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// lockedBuffer keeps what a process prints.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
