package inbound

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"xunjian/alerting/yamlfile"
)

//go:embed forms/*.yaml
var forms embed.FS

// form is a ready-made mapping of one sender's JSON.
type form struct {
	Signature    Signature    `yaml:"signature"`
	List         string       `yaml:"list"`
	Fields       Fields       `yaml:"fields"`
	StatusValues StatusValues `yaml:"status_values"`
}

// Forms are the names of the ready-made mappings.
func Forms() []string {
	files, _ := fs.Glob(forms, "forms/*.yaml")
	out := make([]string, 0, len(files))
	for _, f := range files {
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(f, "forms/"), ".yaml"))
	}
	return out
}

func loadForm(name string) (form, error) {
	var f form
	b, err := forms.ReadFile("forms/" + name + ".yaml")
	if err != nil {
		return f, fmt.Errorf("unknown form %q; allowed: %s", name, strings.Join(Forms(), ", "))
	}
	err = yamlfile.Decode(name+".yaml", b, &f, nil)
	return f, err
}
