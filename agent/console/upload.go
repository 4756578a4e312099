package console

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"

	"xunjian/alerting/inspection"
)

// maxUpload bounds a form with files, in bytes.
const maxUpload = inspection.MaxReplyBytes + maxForm

func carriesFiles(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind == "multipart/form-data"
}

// takesFiles reports whether a form may carry files: the answers of rounds.
func takesFiles(r *http.Request) bool {
	ok, _ := path.Match("/rounds/*/answer", r.URL.Path)
	return ok
}

// parseFiles reads a form that carries files. It is called after the login and
// the role are known, so that strangers cannot fill the memory.
func (r *request) parseFiles() error {
	if !carriesFiles(r.Request) {
		return nil
	}
	err := r.ParseMultipartForm(maxUpload)
	if err == nil || errors.As(err, new(*http.MaxBytesError)) {
		return err
	}
	return fmt.Errorf("%w: %w", errBadForm, err)
}

// attached are the files of a field. A field that was left empty comes as a
// file without name.
func (r *request) attached(name string) ([]inspection.File, error) {
	if r.MultipartForm == nil {
		return nil, nil
	}
	var out []inspection.File
	for _, h := range r.MultipartForm.File[name] {
		if h.Filename == "" && h.Size == 0 {
			continue
		}
		f, err := h.Open()
		if err != nil {
			return nil, fmt.Errorf("read the file %s: %w", h.Filename, err)
		}
		body, err := io.ReadAll(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read the file %s: %w", h.Filename, err)
		}
		out = append(out, inspection.File{Name: h.Filename, Body: body})
	}
	return out, nil
}

// roundFile is an attachment as the page shows it.
type roundFile struct {
	Name, URL, Size, SHA256 string
	Picture                 bool
}

// pictures are shown on the page; anything else is for download only.
var pictures = map[string]string{".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}

func roundFiles(round string, i inspection.ItemView) []roundFile {
	var out []roundFile
	for _, a := range i.Files {
		out = append(out, roundFile{
			Name: a.Name, URL: "/rounds/" + round + "/files/" + a.ID, Size: inUnit("bytes", float64(a.Bytes)), SHA256: a.SHA256,
			Picture: pictures[strings.ToLower(path.Ext(a.Name))] != "",
		})
	}
	return out
}

// downloadFile hands out what somebody attached. Only what both its name and
// its content call a picture has a type that a browser shows, and nothing is
// ever a page of this console.
func downloadFile(r *request) error {
	f, err := r.c.opt.Rounds.Attachment(r.Context(), r.PathValue("id"), r.PathValue("file"))
	if errors.Is(err, inspection.ErrNotFound) {
		return errNotFound
	}
	if err != nil {
		return err
	}
	kind := "application/octet-stream"
	if p := pictures[strings.ToLower(path.Ext(f.Name))]; p != "" && p == http.DetectContentType(f.Body) {
		kind = p
	}
	h := r.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
	_, err = r.w.Write(f.Body)
	return err
}
