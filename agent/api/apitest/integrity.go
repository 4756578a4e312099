package apitest

import (
	"fmt"
	"os"
	"path/filepath"

	"xunjian/checks/security/integrity"
)

// openIntegrity guards a web root with a page, and a webshell that nobody has
// approved, as a first look finds them.
func (w *World) openIntegrity() {
	root := filepath.Join(w.Dir, "www")
	must(w.T, os.MkdirAll(root, 0o755))
	must(w.T, os.WriteFile(filepath.Join(root, "index.html"), []byte("<h1>招标公告</h1>\n"), 0o644))
	must(w.T, os.WriteFile(filepath.Join(root, "x.php"), []byte("<?php @eval($_POST['x']); ?>\n"), 0o644))
	var err error
	w.Integrity, err = integrity.Open(filepath.Join(w.Dir, "integrity"), w.Now)
	must(w.T, err)
	cfg := integrity.Default()
	cfg.Paths, cfg.AuditLog = []integrity.Tree{{Path: root, Kind: integrity.Web}}, ""
	check := integrity.NewCheck(cfg, w.Integrity)
	must(w.T, check.Look(w.T.Context()))
	n := 0
	w.alter = func() {
		n++
		must(w.T, os.WriteFile(filepath.Join(root, fmt.Sprintf("x%d.php", n)), []byte("<?php @eval($_POST['x']); ?>\n"), 0o644))
		must(w.T, check.Look(w.T.Context()))
	}
}

// Change is the id of a file that is not as it was approved; empty before the
// first look is over.
func (w *World) Change() string {
	w.T.Helper()
	r, err := w.Integrity.Report()
	must(w.T, err)
	if len(r.Trees) == 0 || !r.Trees[0].Complete {
		return ""
	}
	if len(r.Changes) == 0 { // the last one was approved: make another
		w.alter()
		r, err = w.Integrity.Report()
		must(w.T, err)
	}
	return r.Changes[0].ID
}
