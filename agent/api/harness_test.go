package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"xunjian/agent/access"
	"xunjian/agent/api"
	"xunjian/agent/api/apitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is an API on a loopback port with a token for each role.
type server struct {
	*apitest.World
	base   string
	tokens map[access.Role]string
}

func serve(t *testing.T) *server {
	t.Helper()
	return serveWorld(apitest.New(t))
}

func serveWorld(w *apitest.World) *server {
	s := &server{World: w, base: w.ServeTCP(), tokens: map[access.Role]string{}}
	for _, r := range access.Roles {
		s.tokens[r] = w.Token(r)
	}
	return s
}

// answer is a response, read.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

// as makes a request with a role's token; "" sends none. body is JSON, or
// nothing if empty. headers are names and values in turn.
func (s *server) as(role access.Role, method, path, body string, headers ...string) answer {
	s.T.Helper()
	req, err := http.NewRequest(method, s.base+api.Prefix+path, strings.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	if role != "" {
		req.Header.Set("Authorization", "Bearer "+s.tokens[role])
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for n := 0; n+1 < len(headers); n += 2 {
		req.Header.Set(headers[n], headers[n+1])
	}
	return s.send(req)
}

func (s *server) send(req *http.Request) answer {
	s.T.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.T.Fatal(err)
	}
	return answer{s.T, resp.StatusCode, resp.Header, b}
}

// into decodes an answer that must be 200.
func into[T any](a answer) T {
	a.t.Helper()
	var v T
	if a.status != http.StatusOK {
		a.t.Fatalf("status %d: %s", a.status, a.body)
	}
	dec := json.NewDecoder(bytes.NewReader(a.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		a.t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// refused returns the error of an answer that must not be one of success.
func (a answer) refused() api.Error {
	a.t.Helper()
	var v struct{ Error *api.Error }
	if err := json.Unmarshal(a.body, &v); err != nil || v.Error == nil || a.status/100 == 2 {
		a.t.Fatalf("want an error, got %d: %s", a.status, a.body)
	}
	v.Error.Status = a.status
	return *v.Error
}
