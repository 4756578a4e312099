package apitest

import (
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
	must(w.T, integrity.NewCheck(cfg, w.Integrity).Look(w.T.Context()))
}

// Change is the id of the file that is not as it was approved; empty if there
// is none.
func (w *World) Change() string {
	w.T.Helper()
	r, err := w.Integrity.Report()
	must(w.T, err)
	if len(r.Trees) == 0 || !r.Trees[0].Complete || len(r.Changes) == 0 {
		return ""
	}
	return r.Changes[0].ID
}
