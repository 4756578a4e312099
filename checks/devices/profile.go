package devices

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

//go:embed profiles/*.yaml
var shipped embed.FS

// Profile is what a make of devices tells of itself, as data.
type Profile struct {
	ID    string `yaml:"id"`
	Title string `yaml:"title"`
	// Match are prefixes of the sysObjectID of devices of this make; the longest
	// holds. A profile without is taken only where it is named.
	Match []string `yaml:"match"`
	// With are profiles whose readings are taken too.
	With     []string  `yaml:"with"`
	Readings []Reading `yaml:"readings"`
	// Traps gives names to the traps of this make.
	Traps []Trap `yaml:"traps"`
}

// Reading is one column of a table, or one scalar, of a device.
type Reading struct {
	// Of says what it is: cpu, memory (a share in use), temperature, power, fan,
	// health (a state), or one of the ups_… kinds.
	Of string `yaml:"of"`
	// OID is the column; each row is one component.
	OID string `yaml:"oid"`
	// Name is the column that names the components, with the same index; where it
	// is missing they are called by their index.
	Name string `yaml:"name"`
	// Part restricts the components to those whose name matches.
	Part string `yaml:"part"`
	// Times makes base units of the value: 0.01 for percent. 0: 1.
	Times float64 `yaml:"times"`
	// Free is the column of what is free, where the OID says what is used and
	// memory is a share of both; Total that of both together.
	Free  string `yaml:"free"`
	Total string `yaml:"total"`
	// Above and Below drop values that devices give for components which have
	// none, like 0 °C or 65535.
	Above *float64 `yaml:"above"`
	Below *float64 `yaml:"below"`
	// Good are the values of a state that is in order; Absent those of a
	// component that is not there.
	Good   []int `yaml:"good"`
	Absent []int `yaml:"absent"`
	// Where keeps only the rows whose column of this OID has one of the values.
	Where  string   `yaml:"where"`
	Values []string `yaml:"values"`
	// ScaleBy is the column that holds the power of ten of the value, in steps of
	// 3 from 9 = units (ENTITY-SENSOR-MIB); Digits that of its decimal places.
	ScaleBy string `yaml:"scale_by"`
	Digits  string `yaml:"digits"`

	part *regexp.Regexp
}

// Trap is a name for a trap.
type Trap struct {
	// Event is a word of lower-case letters joined by '-'.
	Event string `yaml:"event"`
	OID   string `yaml:"oid"`
	// Bad says that it tells of something wrong.
	Bad bool `yaml:"bad"`
}

// Profiles are those in force.
type Profiles struct{ list []*Profile }

func (p *Profiles) byID(id string) *Profile {
	for _, one := range p.list {
		if one.ID == id {
			return one
		}
	}
	return nil
}

func (p *Profiles) ids() []string {
	var out []string
	for _, one := range p.list {
		out = append(out, one.ID)
	}
	slices.Sort(out)
	return out
}

// match is the profile of a sysObjectID; generic where none knows it.
func (p *Profiles) match(sysObjectID string) *Profile {
	best, length := p.byID("generic"), 0
	for _, one := range p.list {
		for _, prefix := range one.Match {
			if len(prefix) > length && under(sysObjectID, prefix) {
				best, length = one, len(prefix)
			}
		}
	}
	return best
}

// under reports whether an OID is root or stands below it.
func under(oid, root string) bool {
	oid, root = strings.TrimPrefix(oid, "."), strings.TrimPrefix(root, ".")
	return oid == root || strings.HasPrefix(oid, root+".")
}

// readings are those of a profile and of the profiles that it takes along,
// each kind from the first that has it.
func (p *Profiles) readings(of *Profile) []Reading {
	out := slices.Clone(of.Readings)
	for _, id := range of.With {
		other := p.byID(id)
		for _, r := range other.Readings {
			if !slices.ContainsFunc(of.Readings, func(o Reading) bool { return o.Of == r.Of }) {
				out = append(out, r)
			}
		}
	}
	return out
}

// trap is what a trap is called, the longest OID first.
func (p *Profiles) trap(oid string) (Trap, bool) {
	var best Trap
	for _, one := range p.list {
		for _, t := range one.Traps {
			if under(oid, t.OID) && len(t.OID) > len(best.OID) {
				best = t
			}
		}
	}
	return best, best.OID != ""
}

// loadProfiles reads the shipped profiles and the operator's own. Mistakes name
// file and profile.
func loadProfiles(files []string) (*Profiles, error) {
	out := &Profiles{}
	names, err := fs.Glob(shipped, "profiles/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		b, err := shipped.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if err := out.add(name, b); err != nil {
			return nil, err
		}
	}
	var errs []error
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot read %s: %w; allowed: a file with device profiles", name, errors.Unwrap(err)))
			continue
		}
		if err := out.add(name, b); err != nil {
			errs = append(errs, err)
		}
	}
	for _, p := range out.list {
		for _, id := range p.With {
			if out.byID(id) == nil {
				errs = append(errs, fmt.Errorf("profile %s: with: unknown profile %q; allowed: %s", p.ID, id, strings.Join(out.ids(), ", ")))
			}
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return out, nil
}

func (p *Profiles) add(name string, b []byte) error {
	var file struct {
		Profiles []*Profile `yaml:"profiles"`
	}
	if err := yaml.UnmarshalWithOptions(b, &file, yaml.Strict()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var errs []error
	for _, one := range file.Profiles {
		if err := one.compile(); err != nil {
			errs = append(errs, fmt.Errorf("%s: profile %q: %w", name, one.ID, err))
			continue
		}
		p.list = slices.DeleteFunc(p.list, func(o *Profile) bool { return o.ID == one.ID })
		p.list = append(p.list, one)
	}
	return errors.Join(errs...)
}

var (
	oidShape   = regexp.MustCompile(`^[0-2](\.\d+){2,}$`)
	idShape    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	readingsOf = slices.Sorted(func(yield func(string) bool) {
		for of := range metricOf {
			if !yield(of) {
				return
			}
		}
	})
)

// compile checks a profile and makes it ready.
func (p *Profile) compile() error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !idShape.MatchString(p.ID) {
		add("id: %q is no id; allowed: lower-case letters and digits, joined by -", p.ID)
	}
	for _, oid := range p.Match {
		if !oidShape.MatchString(oid) {
			add("match: %q is no OID; allowed: like 1.3.6.1.4.1.9", oid)
		}
	}
	for i := range p.Readings {
		r := &p.Readings[i]
		at := fmt.Sprintf("readings[%d].", i)
		m, ok := metricOf[r.Of]
		if !ok {
			add("%sof: unknown kind %q; allowed: %s", at, r.Of, strings.Join(readingsOf, ", "))
		}
		for key, oid := range map[string]string{"oid": r.OID, "name": r.Name, "free": r.Free, "total": r.Total, "where": r.Where, "scale_by": r.ScaleBy, "digits": r.Digits} {
			if (key == "oid" || oid != "") && !oidShape.MatchString(oid) {
				add("%s%s: %q is no OID; allowed: like 1.3.6.1.2.1.1.3.0", at, key, oid)
			}
		}
		if ok && m.state && len(r.Good) == 0 {
			add("%sgood: is missing; a state needs the values that are in order", at)
		}
		var err error
		if r.part, err = regexp.Compile(r.Part); err != nil {
			add("%spart: %q is no regular expression: %w", at, r.Part, err)
		}
		r.Times = cmp.Or(r.Times, 1)
	}
	for i, t := range p.Traps {
		if !idShape.MatchString(t.Event) {
			add("traps[%d].event: %q is no word; allowed: lower-case letters and digits, joined by -", i, t.Event)
		}
		if !oidShape.MatchString(t.OID) {
			add("traps[%d].oid: %q is no OID", i, t.OID)
		}
	}
	return errors.Join(errs...)
}
