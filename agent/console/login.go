package console

import (
	"net/http"

	"xunjian/alerting/text"
)

type loginPage struct {
	Next, Name, Error string
}

func showLogin(r *request) error {
	if err := r.identify(); err != nil {
		return err
	}
	next := local(r.URL.Query().Get("next"))
	if r.who.Name != "" {
		return r.redirect(next)
	}
	return r.show("login", r.T("console.login.title"), loginPage{Next: next})
}

// askLogin sends a person who is not logged in to the login page and back
// afterwards. A page that refreshes itself is told so and stays as it is: what
// somebody is writing there must not be lost.
func (r *request) askLogin() error {
	if r.live() || r.URL.Path == "/chart" {
		return errSession
	}
	next := r.URL.RequestURI()
	if r.Method != http.MethodGet {
		next = "/" + firstWord(r.URL.Path)
	}
	// A link in a mail comes without the strict cookie. Asking once more from
	// this site brings it along, and who is logged in stays so.
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Method == http.MethodGet {
		return r.show("again", r.T("console.name"), next)
	}
	if next == "/" {
		return r.redirect("/login")
	}
	return r.redirect("/login?" + query("next", next))
}

func login(r *request) error {
	name, password := r.field("name"), r.PostForm.Get("password")
	next := local(r.PostForm.Get("next"))
	who, err := r.c.opt.Accounts.Login(r.Context(), name, password, r.remote())
	if err != nil {
		f, ok := refusalOf(err)
		if !ok {
			return err
		}
		page := loginPage{Next: next, Name: name, Error: r.sayFailure(f)}
		return r.render(f.Status, "login", r.T("console.login.title"), page)
	}
	r.c.opt.Logger.Info("login", "name", who.Name, "remote", r.remote())
	if err := r.begin(who.Name); err != nil {
		return err
	}
	return r.redirect(next)
}

func logout(r *request) error {
	if err := r.c.sessions.Destroy(r.Context()); err != nil {
		return err
	}
	return r.redirect("/login")
}

// switchLang changes the language of this browser, and of the account if one
// is logged in.
func switchLang(r *request) error {
	lang := r.field("lang")
	if !text.Known(lang) {
		return errBadForm
	}
	if err := r.identify(); err != nil {
		return err
	}
	if r.who.Name != "" {
		if err := r.c.opt.Accounts.SetLang(r.Context(), r.who.Name, lang); err != nil {
			return err
		}
	}
	r.setLang(lang)
	next := r.PostForm.Get("next")
	if local(next) == "/" && r.who.Name == "" {
		return r.redirect("/login")
	}
	return r.redirect(local(next))
}
