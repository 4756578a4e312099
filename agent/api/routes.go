package api

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"xunjian/agent/access"
)

// route is one line of the API.
type route struct {
	method, path string
	need         access.Role // the least role that may
	serve        func(*server, *call) (any, error)
	limits
}

// limits bound one request; zero fields take the defaults.
type limits struct {
	within time.Duration // for the whole answer; forever for streams
	body   int64         // bytes
	heavy  bool          // computes a lot: only a few at once
}

const (
	defaultWithin = 15 * time.Second
	defaultBody   = 64 << 10
	forever       = time.Duration(-1)
	heavyAtOnce   = 4
)

// Prefix is where the API lives on a listener.
const Prefix = "/api/v1"

const (
	viewer   = access.Viewer
	operator = access.Operator
	admin    = access.Admin
)

// routes lists the whole API.
func routes() []route {
	query := limits{within: 30 * time.Second, heavy: true}
	trial := limits{within: 5 * time.Minute, body: 4 << 20, heavy: true}
	long := limits{within: 5 * time.Minute, heavy: true}
	return append(slices.Concat(responseRoutes(), roundRoutes(), reportRoutes(), noticeRoutes(), integrityRoutes(), recordRoutes()), []route{
		{"GET", "/status", viewer, (*server).status, limits{}},
		{"GET", "/events", viewer, (*server).stream, limits{within: forever}},
		{"GET", "/openapi.yaml", viewer, (*server).openAPI, limits{}},

		{"GET", "/checks", viewer, (*server).listChecks, limits{}},
		{"GET", "/checks/{name}", viewer, (*server).showCheck, limits{}},
		{"POST", "/checks/{name}/run", operator, (*server).runCheck, limits{within: time.Minute}},

		{"GET", "/network", viewer, (*server).network, limits{}},

		{"GET", "/alerts", viewer, (*server).listAlerts, limits{}},
		{"GET", "/alerts/log", viewer, (*server).alertLog, limits{}},
		{"GET", "/rules", viewer, (*server).listRules, limits{}},
		{"POST", "/rules/test", operator, (*server).testRules, trial},
		{"POST", "/rules/backtest", operator, (*server).backtestRules, trial},
		{"GET", "/query", viewer, (*server).query, query},
		{"GET", "/query_range", viewer, (*server).queryRange, query},

		// Lines may hold what was typed on a device.
		{"GET", "/logs/search", operator, (*server).searchLines, query},

		{"GET", "/plan", viewer, (*server).showPlan, limits{}},
		{"GET", "/plan/cards", viewer, (*server).cards, limits{heavy: true}},
		{"GET", "/plan/scenarios/{id}", viewer, (*server).showScenario, limits{}},

		{"GET", "/incidents", viewer, (*server).listIncidents, limits{}},
		{"POST", "/incidents", operator, (*server).openIncident, limits{}},
		{"GET", "/incidents/verify", viewer, (*server).verify, long},
		{"GET", "/incidents/{id}", viewer, (*server).showIncident, limits{}},
		{"GET", "/incidents/{id}/events", viewer, (*server).timeline, limits{}},
		{"GET", "/incidents/{id}/evidence/{eid}", viewer, (*server).evidence, limits{}},
		{"POST", "/incidents/{id}/acknowledge", operator, do[Acknowledge], limits{}},
		{"POST", "/incidents/{id}/comment", operator, do[Comment], limits{}},
		{"POST", "/incidents/{id}/assign", operator, do[Assign], limits{}},
		{"POST", "/incidents/{id}/level", operator, do[SetLevel], limits{}},
		{"POST", "/incidents/{id}/step", operator, do[SetStep], limits{}},
		{"POST", "/incidents/{id}/resolve", operator, do[Resolve], limits{}},
		{"POST", "/incidents/{id}/reopen", operator, do[Reopen], limits{}},
		{"POST", "/incidents/{id}/false-alarm", operator, do[FalseAlarm], limits{}},

		{"GET", "/users", admin, (*server).listUsers, limits{}},
		{"POST", "/users", admin, (*server).addUser, limits{}},
		{"PATCH", "/users/{name}", admin, (*server).changeUser, limits{}},
		{"GET", "/tokens", admin, (*server).listTokens, limits{}},
		{"POST", "/tokens", admin, (*server).addToken, limits{}},
		{"DELETE", "/tokens/{id}", admin, (*server).revokeToken, limits{}},
		{"POST", "/reload", admin, (*server).reload, limits{within: time.Minute}},
	}...)
}

// mux mounts the routes, and answers what none of them takes in JSON too.
func (s *server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, rt := range routes() {
		mux.Handle(rt.method+" "+Prefix+rt.path, s.handler(rt))
		methods[rt.path] = append(methods[rt.path], rt.method)
	}
	for path, allowed := range methods {
		slices.Sort(allowed)
		refuse := s.refuse(func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			return &failure{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed",
				Args: map[string]any{"method": r.Method, "allowed": strings.Join(allowed, ", ")}}
		})
		// By method, for a pattern of all methods conflicts with a wider path
		// that has one.
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			if !slices.Contains(allowed, method) {
				mux.Handle(method+" "+Prefix+path, refuse)
			}
		}
	}
	mux.Handle("/", s.refuse(func(_ http.ResponseWriter, r *http.Request) error {
		return &failure{Status: http.StatusNotFound, Code: "no_such_path", Args: map[string]any{"path": r.URL.Path}}
	}))
	return mux
}
