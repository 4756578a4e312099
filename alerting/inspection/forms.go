package inspection

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"xunjian/alerting/yamlfile"
)

//go:embed forms/*.yaml
var shipped embed.FS

// Shipped returns the forms as this program ships them: weekly, periodic and
// opening.
func Shipped() []Form {
	names, err := fs.Glob(shipped, "forms/*.yaml")
	if err != nil {
		panic(err)
	}
	var out []Form
	for _, name := range names {
		b, err := shipped.ReadFile(name)
		if err != nil {
			panic(err)
		}
		f, err := Parse(name, b, nil)
		if err != nil {
			panic(err) // a test reads them
		}
		out = append(out, *f)
	}
	return out
}

// Parse reads a form. Mistakes are a *yamlfile.Error. known are the checks
// there are; nil takes any.
func Parse(name string, b []byte, known []string) (*Form, error) {
	f := new(Form)
	if err := yamlfile.Decode(name, b, f, func() error { return f.Validate(known) }); err != nil {
		return nil, err
	}
	return f, nil
}

// Config says which forms are in force.
type Config struct {
	// Forms are files, or folders of *.yaml, of the operator's own. A form of
	// the same id as a shipped one takes its place.
	Forms []string `yaml:"forms"`
	// Disable names forms that no rounds are made of.
	Disable []string `yaml:"disable"`
	// ReportTemplate is the operator's own .docx that a report is filled into;
	// empty: the layout of this program.
	ReportTemplate string `yaml:"report_template"`
	// KeepReports is how long reports are kept: 180 days (default) or more.
	KeepReports time.Duration `yaml:"keep_reports"`
}

// LeastKept is how long logs and reports are kept at the least: half a year.
const LeastKept = 180 * 24 * time.Hour

// Validate returns every mistake beside the forms, joined.
func (c Config) Validate() error {
	var errs []error
	if c.ReportTemplate != "" {
		if _, err := os.Stat(c.ReportTemplate); err != nil {
			errs = append(errs, fmt.Errorf("report_template: cannot read %s: %w", c.ReportTemplate, errors.Unwrap(err)))
		}
	}
	if c.KeepReports < LeastKept {
		errs = append(errs, fmt.Errorf("keep_reports: %v is too short; allowed: 4320h (180 days) or more", c.KeepReports))
	}
	return errors.Join(errs...)
}

// Load returns the forms in force. known are the checks there are.
func Load(c Config, known []string) ([]Form, error) {
	forms := Shipped()
	var errs []error
	own := map[string]string{}
	for n, path := range c.Forms {
		files, err := filesOf(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("forms[%d]: %w", n, err))
			continue
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				errs = append(errs, fmt.Errorf("forms[%d]: %w", n, err))
				continue
			}
			f, err := Parse(file, b, known)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if first, twice := own[f.ID]; twice {
				errs = append(errs, fmt.Errorf("forms[%d]: %s has the id %q of %s; each form needs its own", n, file, f.ID, first))
			}
			own[f.ID] = file
			if k := slices.IndexFunc(forms, func(s Form) bool { return s.ID == f.ID }); k >= 0 {
				forms[k] = *f
			} else {
				forms = append(forms, *f)
			}
		}
	}
	for n, id := range c.Disable {
		if !slices.ContainsFunc(forms, func(f Form) bool { return f.ID == id }) {
			errs = append(errs, fmt.Errorf("disable[%d]: there is no form %q", n, id))
		}
	}
	forms = slices.DeleteFunc(forms, func(f Form) bool { return slices.Contains(c.Disable, f.ID) })
	return forms, errors.Join(errs...)
}

func filesOf(path string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read %s: %w", path, errors.Unwrap(err))
	case !info.IsDir():
		return []string{path}, nil
	}
	files, err := filepath.Glob(filepath.Join(path, "*.yaml"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s has no *.yaml in it", path)
	}
	return files, err
}
