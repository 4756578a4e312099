package config

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"xunjian/alerting/plan"
	"xunjian/alerting/report"
)

// Unit is the operator as documents name him, and where his own texts are.
type Unit struct {
	// Name is the operator's, as he signs; Place where his systems stand.
	Name  plan.Text `yaml:"name"`
	Place string    `yaml:"place"`
	// IncidentHotline and CustomerHotline are the plan's two lines (Art. 6).
	IncidentHotline []string `yaml:"incident_hotline"`
	CustomerHotline string   `yaml:"customer_hotline"`
	// Texts is a folder of own texts, Letters one of own .docx with
	// placeholders, each named like the document: file-in-writing.zh-CN.docx.
	Texts   string `yaml:"texts"`
	Letters string `yaml:"letters"`
}

// Validate returns every mistake in u, the operator's own texts included, each
// beginning with the key.
func (u Unit) Validate() error {
	var errs []error
	if strings.TrimSpace(u.Name.ZH) == "" || strings.TrimSpace(u.Name.EN) == "" {
		errs = append(errs, errors.New("name: is missing in one language; documents are signed with it in zh-CN and en"))
	}
	if u.Texts != "" {
		if info, err := os.Stat(u.Texts); err != nil || !info.IsDir() {
			errs = append(errs, fmt.Errorf("texts: %s is no folder that can be read; name one that holds your own texts", u.Texts))
		} else if _, err := report.Load(nil, os.DirFS(u.Texts)); err != nil {
			errs = append(errs, fmt.Errorf("texts: %w", err))
		}
	}
	if u.Letters != "" {
		if info, err := os.Stat(u.Letters); err != nil || !info.IsDir() {
			errs = append(errs, fmt.Errorf("letters: %s is no folder that can be read; name one that holds your own .docx", u.Letters))
		}
	}
	return errors.Join(errs...)
}
