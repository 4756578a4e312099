package console

import (
	"net/http"

	"xunjian/alerting/text"
)

type accountPage struct {
	Lang  string
	Error string
}

func showAccount(r *request) error { return r.accountPage(200, "") }

func (r *request) accountPage(status int, fault string) error {
	return r.render(status, "account", r.T("console.nav.account"), accountPage{Lang: r.who.Lang, Error: fault})
}

// changePassword asks for the old password again: a browser left open must
// not be enough to take an account over. All other sessions end.
func changePassword(r *request) error {
	old, fresh := r.PostForm.Get("old"), r.PostForm.Get("new")
	if fresh != r.PostForm.Get("again") {
		return r.accountPage(http.StatusUnprocessableEntity, r.T("console.account.differ"))
	}
	accounts := r.c.opt.Accounts
	_, err := accounts.Login(r.Context(), r.who.Name, old, r.remote())
	if err == nil {
		err = accounts.SetPassword(r.Context(), r.who.Name, fresh)
	}
	if f, ok := refusalOf(err); ok {
		// It is the form that is refused, not the session.
		if f.Status == http.StatusUnauthorized {
			return r.accountPage(http.StatusUnprocessableEntity, r.T("console.account.wrong"))
		}
		return r.accountPage(f.Status, r.sayFailure(f))
	}
	if err != nil {
		return err
	}
	if err := r.begin(r.who.Name); err != nil {
		return err
	}
	r.flash("console.done.password")
	return r.redirect("/account")
}

func changeLang(r *request) error {
	lang := r.field("lang")
	if !text.Known(lang) {
		return errBadForm
	}
	if err := r.c.opt.Accounts.SetLang(r.Context(), r.who.Name, lang); err != nil {
		return err
	}
	r.setLang(lang)
	r.flash("console.done.lang")
	return r.redirect("/account")
}
