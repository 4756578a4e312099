// Package schedule says when something is due: cron expressions, and days that
// know the working days of China with their make-up weekends.
package schedule

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"xunjian/alerting/yamlfile"
)

// Workdays tells working days from days off. The zero value knows weekends
// only.
type Workdays struct {
	off, work map[string]bool // days as 2026-10-01
	years     map[int]bool
}

//go:embed holidays.yaml
var shipped []byte

// Shipped returns the working days as this program knows them.
func Shipped() *Workdays {
	w, err := parse("holidays.yaml", shipped)
	if err != nil {
		panic(err) // a test reads it
	}
	return w
}

// LoadWorkdays reads a file of the same form as the shipped one; the years in
// it take the place of those known already. Mistakes are a *yamlfile.Error.
func LoadWorkdays(path string) (*Workdays, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read holidays: %w", err)
	}
	own, err := parse(path, b)
	if err != nil {
		return nil, err
	}
	all := Shipped()
	for _, days := range []struct{ to, from map[string]bool }{{all.off, own.off}, {all.work, own.work}} {
		for d := range days.to {
			if y, _ := strconv.Atoi(d[:4]); own.years[y] {
				delete(days.to, d)
			}
		}
		for d := range days.from {
			days.to[d] = true
		}
	}
	for y := range own.years {
		all.years[y] = true
	}
	return all, nil
}

// yearFile is one year of the file.
type yearFile struct {
	Off  []string `yaml:"off"`
	Work []string `yaml:"work"`
}

func parse(name string, b []byte) (*Workdays, error) {
	w := &Workdays{off: map[string]bool{}, work: map[string]bool{}, years: map[int]bool{}}
	var file map[string]yearFile
	err := yamlfile.Decode(name, b, &file, func() error {
		var errs []error
		for year, days := range file {
			y, err := strconv.Atoi(year)
			if err != nil || y < 1990 || y > 2200 {
				errs = append(errs, fmt.Errorf("%s: is no year; allowed: like \"2027\"", yamlfile.Join("", year)))
				continue
			}
			w.years[y] = true
			errs = append(errs, w.take(year, "off", days.Off, w.off), w.take(year, "work", days.Work, w.work))
			for d := range w.work {
				if w.off[d] && d[:4] == year {
					errs = append(errs, fmt.Errorf("%s: %s is both off and a working day", yamlfile.Join("", year), d))
				}
			}
		}
		return errors.Join(errs...)
	})
	return w, err
}

// maxHoliday bounds a range of days, which would otherwise be a slip of the
// pen.
const maxHoliday = 40

// take reads days and ranges of days into a set.
func (w *Workdays) take(year, key string, list []string, into map[string]bool) error {
	var errs []error
	for n, s := range list {
		at := fmt.Sprintf("%s.%s[%d]", yamlfile.Join("", year), key, n)
		first, last, ranged := strings.Cut(s, "..")
		if !ranged {
			last = first
		}
		from, err1 := time.Parse(time.DateOnly, first)
		to, err2 := time.Parse(time.DateOnly, last)
		switch {
		case err1 != nil || err2 != nil:
			errs = append(errs, fmt.Errorf("%s: %q is no day; allowed: 2027-01-01, or 2027-01-01..2027-01-03", at, s))
			continue
		case to.Before(from) || to.Sub(from) > maxHoliday*24*time.Hour:
			errs = append(errs, fmt.Errorf("%s: %q does not go from a day to a later one, at most %d days", at, s, maxHoliday))
			continue
		case first[:4] != year || last[:4] != year:
			errs = append(errs, fmt.Errorf("%s: %q is not of %s", at, s, year))
			continue
		}
		for ; !from.After(to); from = from.AddDate(0, 0, 1) {
			d := from.Format(time.DateOnly)
			if weekend := isWeekend(from); key == "work" && !weekend {
				errs = append(errs, fmt.Errorf("%s: %s is no weekend day; only those are worked in exchange", at, d))
			}
			into[d] = true
		}
	}
	return errors.Join(errs...)
}

func isWeekend(t time.Time) bool {
	return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday
}

// Working reports whether the day of t, in t's own zone, is a working day.
func (w *Workdays) Working(t time.Time) bool {
	d := t.Format(time.DateOnly)
	switch {
	case w.work[d]:
		return true
	case w.off[d]:
		return false
	}
	return !isWeekend(t)
}

// Knows reports whether the holidays of a year are known.
func (w *Workdays) Knows(year int) bool { return w.years[year] }

// Years returns the years whose holidays are known, in order.
func (w *Workdays) Years() []int {
	var out []int
	for y := range w.years {
		out = append(out, y)
	}
	slices.Sort(out)
	return out
}
