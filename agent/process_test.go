package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary builds the agent once for all tests that run it as a process.
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

// process is one running agent with its own data folder and ports.
type process struct {
	cmd    *exec.Cmd
	data   string
	output *lockedBuffer
	http   *http.Client
	exited chan error
}

// start runs the agent; extra arguments may repeat --config and the like.
func start(t *testing.T, data string, args ...string) *process {
	t.Helper()
	return startWith(t, (*exec.Cmd).Start, data, args...)
}

// startWith is start where something else begins the process, such as in
// another network.
func startWith(t *testing.T, begin func(*exec.Cmd) error, data string, args ...string) *process {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{data: data, output: &lockedBuffer{}, exited: make(chan error, 1)}
	args = append([]string{"run", "--data", data, "--console", "127.0.0.1:0", "--metrics", "127.0.0.1:0"}, args...)
	p.cmd = exec.Command(bin, args...)
	p.cmd.Env = append(os.Environ(), "LANG=en_US.UTF-8")
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := begin(p.cmd); err != nil {
		t.Fatalf("start the agent: %v", err)
	}
	go func() { p.exited <- p.cmd.Wait() }()
	socket := filepath.Join(data, "xunjian.sock")
	p.http = &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", socket)
			},
		},
	}
	t.Cleanup(p.kill)
	return p
}

// ready waits until the API answers.
func (p *process) ready(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for time.Now().Before(deadline) {
		if status, _, err := p.call("GET", "/api/v1/status", nil); err == nil && status == 200 {
			return
		}
		select {
		case err := <-p.exited:
			t.Fatalf("the agent stopped: %v\n%s", err, p.output)
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("the agent does not answer\n%s", p.output)
}

// kill ends the process at once, as a power cut would.
func (p *process) kill() {
	if p.cmd.ProcessState != nil {
		return
	}
	p.cmd.Process.Kill()
	select {
	case err := <-p.exited:
		p.exited <- err
	case <-time.After(10 * time.Second):
	}
	p.http.CloseIdleConnections()
}

// stop asks the process to end and returns its exit error.
func (p *process) stop(t *testing.T) error {
	t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.exited:
		p.exited <- err
		return err
	case <-time.After(20 * time.Second):
		t.Fatalf("the agent does not stop\n%s", p.output)
		return nil
	}
}

// call makes one request over the unix socket.
func (p *process) call(method, path string, in any) (status int, body []byte, err error) {
	var r io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return 0, nil, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, "http://xunjian"+path, r)
	if err != nil {
		return 0, nil, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// get decodes an answer that must be 200.
func (p *process) get(t *testing.T, path string, out any) {
	t.Helper()
	status, body, err := p.call("GET", path, nil)
	if err != nil || status != 200 {
		t.Fatalf("GET %s: %d %v %s", path, status, err, body)
	}
	if err := json.Unmarshal(body, out); err != nil {
		t.Fatalf("GET %s: %v in %s", path, err, body)
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

// waitFor polls until ok is true.
func waitFor(t *testing.T, within time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	for !ok() {
		if time.Since(begun) > within {
			t.Fatalf("after %v still no %s", within, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(begun)
}
