package api_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"xunjian/agent/access"
	"xunjian/agent/api"
	"xunjian/agent/api/apitest"
)

// The callers besides the roles; nobody has no token at all.
const (
	nobody  access.Role = ""
	revoked access.Role = "revoked"
	expired access.Role = "expired"
	forged  access.Role = "forged"
)

// strangers makes the tokens that let nobody in.
func (s *server) strangers() {
	s.T.Helper()
	id, secret := s.token(access.Admin, time.Time{})
	s.tokens[revoked] = secret
	if err := s.Accounts.RevokeToken(s.T.Context(), "", id); err != nil {
		s.T.Fatal(err)
	}
	_, s.tokens[expired] = s.token(access.Admin, s.Now().Add(time.Minute))
	// Not the last letter: base64 leaves bits of it unused.
	good := s.tokens[access.Admin]
	s.tokens[forged] = good[:8] + string(good[8]^1) + good[9:]
	s.Pass(time.Minute)
}

func (s *server) token(role access.Role, expires time.Time) (id, secret string) {
	s.T.Helper()
	tok, secret, err := s.Accounts.CreateToken(s.T.Context(), "the-admin", "w", role, expires)
	if err != nil {
		s.T.Fatal(err)
	}
	return tok.ID, secret
}

// Each route for each caller: whoever may gets just what the route gives, and
// whoever may not changes nothing with the very same request.
func TestRolesDecide(t *testing.T) {
	w := apitest.New(t)
	var reloads atomic.Int32
	w.Options.Reload = func(context.Context) error { reloads.Add(1); return nil }
	s := onStage(serveWorld(w))
	s.strangers()
	need := map[string]access.Role{}
	for _, rt := range api.RouteLines() {
		need[rt.Method+" "+rt.Path] = access.Role(rt.Need)
	}
	for _, r := range requests() {
		path, body := s.fill(r)
		for _, who := range []access.Role{nobody, revoked, expired, forged, access.Viewer, access.Operator, access.Admin} {
			if who.Allows(need[r.String()]) {
				if r.method != http.MethodGet && who != need[r.String()] {
					path, body = s.fill(r) // the one before did it already
				}
				if got := s.begin(who, r.method, path, body); got != r.want {
					t.Errorf("%s as %s: %d, want %d", r, who, got, r.want)
				}
				continue
			}
			before, loaded := s.kept(), reloads.Load()
			a := s.as(who, r.method, path, body)
			status, code := http.StatusUnauthorized, "bad_token"
			switch {
			case who == nobody:
				code = "unauthorized"
			case who.Valid():
				status, code = http.StatusForbidden, "forbidden"
			}
			if e := a.refused(); e.Status != status || e.Code != code {
				t.Errorf("%s as %q: %d %s, want %d %s", r, who, e.Status, e.Code, status, code)
			}
			if asks := strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer "); asks != (status == 401) {
				t.Errorf("%s as %q: asks for a token is %v with a %d", r, who, asks, status)
			}
			if s.kept() != before || reloads.Load() != loaded {
				t.Errorf("%s as %q was refused and changed something", r, who)
			}
		}
	}
	if reloads.Load() != 1 {
		t.Errorf("%d reloads, want the admin's one", reloads.Load())
	}
}

// begin makes a request and returns its status, without waiting for the end of
// an answer that has none.
func (s *server) begin(role access.Role, method, path, body string) int {
	s.T.Helper()
	if path != "/events" {
		a := s.as(role, method, path, body)
		if a.status/100 != 2 {
			s.T.Logf("%s %s as %s: %s", method, path, role, a.body)
		}
		return a.status
	}
	resp, err := http.DefaultTransport.(*http.Transport).Clone().RoundTrip(s.newRequest(role, method, path))
	if err != nil {
		s.T.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// A role is looked up at each request: what was true at login is not.
func TestRoleTakenAway(t *testing.T) {
	s := serve(t)
	status := func(role access.Role) int {
		return s.as(role, "POST", "/incidents", `{"code":"F04","title":"x"}`).status
	}
	if got := status(access.Operator); got != 200 {
		t.Fatalf("an operator opens: %d", got)
	}
	change := func(body string) {
		t.Helper()
		if a := s.as(access.Admin, "PATCH", "/users/the-operator", body); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	for _, step := range []struct {
		change string
		want   int
	}{
		{`{"role":"viewer"}`, 403}, {`{"role":"operator"}`, 200}, {`{"disabled":true}`, 401}, {`{"disabled":false}`, 200},
	} {
		change(step.change)
		if got := status(access.Operator); got != step.want {
			t.Errorf("after %s: %d, want %d", step.change, got, step.want)
		}
	}
	// An admin's token for reading is one for reading.
	_, s.tokens["reading"] = s.token(access.Viewer, time.Time{})
	if got := status("reading"); got != 403 {
		t.Errorf("an admin's token for reading opens: %d", got)
	}
}

// A path answers the methods that it has, and names them to who tries others.
func TestMethods(t *testing.T) {
	s := onStage(serve(t))
	before := s.kept()
	for _, rt := range api.RouteLines() {
		allowed := methodsOf(rt.Path)
		slices.Sort(allowed)
		path := strings.NewReplacer("{id}", s.disk, "{eid}", s.disk+"-e1", "{name}", "cpu").Replace(rt.Path)
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			if slices.Contains(allowed, method) {
				continue
			}
			a := s.as(access.Admin, method, path, "")
			if e := a.refused(); e.Status != 405 || e.Code != "method_not_allowed" {
				t.Errorf("%s %s: %d %s", method, path, e.Status, e.Code)
			}
			if got := a.header.Get("Allow"); got != strings.Join(allowed, ", ") {
				t.Errorf("%s %s: Allow is %q, want %v", method, path, got, allowed)
			}
		}
	}
	if s.kept() != before {
		t.Error("a method that is not there changed something")
	}
}

// A browser that is led here by another site does nothing.
func TestOtherSites(t *testing.T) {
	s := onStage(serve(t))
	for _, r := range requests() {
		if r.method == http.MethodGet {
			continue
		}
		path, body := s.fill(r)
		before := s.kept()
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://example.org"}} {
			if e := s.as(access.Admin, r.method, path, body, header...).refused(); e.Status != 403 || e.Code != "cross_origin" {
				t.Errorf("%s with %v: %d %s", r, header, e.Status, e.Code)
			}
			if s.kept() != before {
				t.Errorf("%s with %v changed something", r, header)
			}
		}
	}
	if a := s.as(access.Operator, "POST", "/incidents", `{"code":"F04","title":"x"}`, "Sec-Fetch-Site", "same-origin"); a.status != 200 {
		t.Errorf("the console itself: %d %s", a.status, a.body)
	}
}
