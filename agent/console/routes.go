package console

import (
	"net/http"
	"strings"

	"xunjian/agent/access"
)

// route is one line of the console.
type route struct {
	method, path string
	// need is the least role that may; nobody means that no login is asked for.
	need  access.Role
	serve func(*request) error
}

const (
	nobody   = access.Role("")
	viewer   = access.Viewer
	operator = access.Operator
	admin    = access.Admin
)

// routes lists the whole console.
func routes() []route {
	return []route{
		{"GET", "/login", nobody, showLogin},
		{"POST", "/login", nobody, login},
		{"POST", "/logout", nobody, logout},
		{"POST", "/lang", nobody, switchLang},
		// Whoever has the link of a mail is the person whom it was sent to.
		{"GET", "/answer/{token}", nobody, showAnswer},
		{"POST", "/answer/{token}", nobody, giveAnswer},

		{"GET", "/{$}", viewer, showBoard},

		{"GET", "/incidents", viewer, listIncidents},
		{"GET", "/incidents/new", operator, showReport},
		{"POST", "/incidents/new", operator, sendReport},
		{"GET", "/incidents/{id}", viewer, showIncident},
		{"GET", "/incidents/{id}/live", viewer, liveIncident},
		{"GET", "/incidents/{id}/evidence/{eid}", viewer, downloadEvidence},
		{"GET", "/incidents/{id}/documents/{kind}", viewer, showPaper},
		{"POST", "/incidents/{id}/documents/{kind}", operator, savePaper},
		{"POST", "/incidents/{id}/{action}", operator, act},

		{"GET", "/rounds", viewer, listRounds},
		{"POST", "/rounds", operator, startRound},
		{"GET", "/rounds/{id}", viewer, showRound},
		{"GET", "/rounds/{id}/report", viewer, roundReport},
		{"GET", "/rounds/{id}/chart", viewer, roundChart},
		{"GET", "/rounds/{id}/files/{file}", viewer, downloadFile},
		{"POST", "/rounds/{id}/{action}", operator, changeRound},

		{"GET", "/checks", viewer, listChecks},
		{"GET", "/checks/{name...}", viewer, showCheck},
		{"GET", "/network", viewer, showNetwork},
		{"GET", "/alerts", viewer, showAlerts},
		{"GET", "/logs", viewer, showLogs},
		{"GET", "/logs/{pattern}", viewer, showPatternLines},
		{"GET", "/logs/lines", viewer, showVerdictLines},
		{"GET", "/logs/access", viewer, showAccess},
		{"GET", "/logs/access/lines", viewer, showAttackLines},
		{"GET", "/logs/templates", viewer, showTemplates},
		{"GET", "/logs/templates/{id}", viewer, showTemplateLines},
		{"GET", "/notices", viewer, showNotices},
		{"POST", "/notices/{action}", operator, changeNotices},
		{"GET", "/integrity", viewer, showIntegrity},
		{"POST", "/integrity/approve", operator, approveIntegrity},
		// Lines may hold what was typed on a device.
		{"GET", "/logs/search", operator, searchLines},
		{"GET", "/rules", viewer, showRules},
		{"GET", "/plan", viewer, showPlan},
		{"GET", "/plan/cards", viewer, printCards},
		{"GET", "/plan/{id}", viewer, showScenario},
		{"GET", "/explore", viewer, explore},
		{"GET", "/chart", viewer, chartData},
		{"GET", "/alarm", viewer, alarm},
		{"GET", "/about", viewer, showAbout},

		{"GET", "/account", viewer, showAccount},
		{"POST", "/account/password", viewer, changePassword},
		{"POST", "/account/lang", viewer, changeLang},

		{"GET", "/users", admin, showUsers},
		{"POST", "/users", admin, addUser},
		{"POST", "/users/role", admin, changeRole},
		{"POST", "/users/disable", admin, disableUser},
		{"POST", "/users/password", admin, resetPassword},
		{"POST", "/users/tokens", admin, addToken},
		{"POST", "/users/tokens/revoke", admin, revokeToken},
	}
}

// mux mounts the routes, and pages for what none of them takes. Assets need
// neither session nor language.
func (c *Console) mux() http.Handler {
	pages := http.NewServeMux()
	for _, rt := range routes() {
		pages.Handle(rt.method+" "+rt.path, c.page(rt))
	}
	pages.Handle("/", c.public(func(r *request) error { return elsewhere(pages, r) }))

	mux := http.NewServeMux()
	mux.Handle("GET "+assetPrefix, http.HandlerFunc(c.assets.serve))
	mux.Handle("/", c.sessions.LoadAndSave(c.guard(pages)))
	return harden(mux)
}

// elsewhere tells a page that takes other methods from one there is not.
func elsewhere(pages *http.ServeMux, r *request) error {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		other := r.Request.Clone(r.Context())
		other.Method = method
		if _, pattern := pages.Handler(other); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return errNotFound
	}
	r.w.Header().Set("Allow", strings.Join(allowed, ", "))
	return errMethod
}
