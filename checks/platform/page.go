package platform

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"xunjian/checks"
)

// unfit returns what of a text is not as it should be: text_missing or
// text_forbidden, and the text or expression.
func (v *visit) unfit(text string, contain, notContain, match, notMatch []string) (code, what string) {
	for _, t := range contain {
		if !strings.Contains(text, t) {
			return "text_missing", t
		}
	}
	for _, t := range notContain {
		if strings.Contains(text, t) {
			return "text_forbidden", t
		}
	}
	for _, expr := range match {
		if !v.exprs[expr].MatchString(text) {
			return "text_missing", expr
		}
	}
	for _, expr := range notMatch {
		if v.exprs[expr].MatchString(text) {
			return "text_forbidden", expr
		}
	}
	return "", ""
}

var pageTitle = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// inspect holds a page against how it looks when nobody has changed it. A page
// that was changed still answers: the probe succeeds, and says so beside.
func (w *walk) inspect(i Integrity) {
	say := func(code string, v checks.Verdict, args map[string]any) {
		args["step"] = ""
		if len(w.h.Steps) > 1 {
			args["step"] = w.step
		}
		w.extra = append(w.extra, checks.Finding{Subject: w.p.Name, Code: code, Verdict: v, Args: args, Evidence: w.mask(w.excerpt)})
	}
	if len(i.SHA256) > 0 && w.length > w.h.MaxBody {
		// What was not read cannot be vouched for.
		say("probe.page_too_large", checks.Unknown, map[string]any{"limit": int(w.h.MaxBody)})
		return
	}
	whole := true
	changed := func(what, args string) {
		whole = false
		say("probe.page_changed_"+what, checks.Abnormal, map[string]any{"text": args})
	}
	sum := sha256.Sum256(w.body)
	digest := hex.EncodeToString(sum[:])
	w.note("the page's SHA-256 is %s", digest)
	if len(i.SHA256) > 0 && !slices.ContainsFunc(i.SHA256, func(s string) bool { return strings.EqualFold(s, digest) }) {
		changed("sum", digest)
	}
	if i.Title != "" {
		if title := titleOf(w.body); title != i.Title {
			changed("title", title)
		}
	}
	if code, what := w.unfit(string(w.body), i.MustContain, i.MustNotContain, i.MustMatch, i.MustNotMatch); code != "" {
		changed(strings.TrimPrefix(code, "text_"), what)
	}
	if whole = whole && (w.whole == nil || *w.whole); whole {
		w.note("the page is as it should be")
	}
	w.whole = &whole
}

// titleOf is what stands in a page's <title>, in one line.
func titleOf(body []byte) string {
	m := pageTitle.FindSubmatch(body[:min(len(body), 256<<10)])
	if m == nil {
		return ""
	}
	return strings.Join(strings.Fields(html.UnescapeString(strings.ToValidUTF8(string(m[1]), "\uFFFD"))), " ")
}

// shownHeaders are those of an answer that help to understand it. Cookies and
// the like are not among them.
var shownHeaders = []string{"Server", "Date", "Content-Type", "Content-Length", "Location", "Via", "X-Powered-By", "Retry-After", "Last-Modified", "Age", "X-Cache", "Strict-Transport-Security"}

func headOf(resp *http.Response) string {
	var b strings.Builder
	b.WriteString(resp.Proto + " " + resp.Status + "\n")
	for _, name := range shownHeaders {
		for _, value := range resp.Header.Values(name) {
			b.WriteString(name + ": " + value + "\n")
		}
	}
	return checks.SafeText(b.String(), maxHead)
}

func excerptOf(body []byte) string {
	cut := body[:min(len(body), maxExcerpt)]
	text := checks.SafeText(string(bytes.ToValidUTF8(cut, []byte("\uFFFD"))), maxExcerpt)
	if len(body) > len(cut) {
		text += "…"
	}
	return text
}
