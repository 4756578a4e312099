package report

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Bounds of an operator's letter, packed and unpacked.
const (
	maxDocx     = 32 << 20
	maxUnpacked = 128 << 20
	maxPart     = 8 << 20 // of XML in which people write
	maxGrown    = 32 << 20
	maxMembers  = 4096
)

// Fill puts values into an operator's own .docx in place of its placeholders
// {{事件编号}} or {{id}}, in body, tables, text boxes, headers, footers and
// notes, however Word has cut them up. Placeholders lists the names that
// Facts.Values knows. A placeholder without a value is an error that names it;
// everything else in the file stays as it is, byte for byte.
func Fill(docx []byte, values map[string]string) ([]byte, error) {
	f, err := openDocx(docx)
	if err != nil {
		return nil, fmt.Errorf("fill the letter: %w", err)
	}
	filled := map[string][]byte{}
	var errs []error
	for _, name := range f.parts {
		out, err := fillPart(f.content[name], values)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		case !bytes.Equal(out, f.content[name]):
			filled[name] = out
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("fill the letter: %w", errors.Join(errs...))
	}
	out, err := f.write(filled)
	if err != nil {
		return nil, fmt.Errorf("fill the letter: %w", err)
	}
	return out, nil
}

// docxFile is a letter, looked through.
type docxFile struct {
	zip     *zip.Reader
	parts   []string          // that may hold placeholders
	content map[string][]byte // of parts
}

func openDocx(b []byte) (*docxFile, error) {
	if len(b) > maxDocx {
		return nil, fmt.Errorf("the file has %d bytes; at most %d are read", len(b), maxDocx)
	}
	if bytes.HasPrefix(b, []byte{0xD0, 0xCF, 0x11, 0xE0}) {
		return nil, errors.New("this is an old .doc or has a password; open it in Word or WPS and save it as .docx without one")
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("not a .docx: %w", err)
	}
	f := &docxFile{zip: z, content: map[string][]byte{}}
	if err := f.inspect(); err != nil {
		return nil, err
	}
	return f, f.findParts()
}

// inspect refuses what no word processor writes, and unpacks every member once
// within bounds, so that a bomb or a damaged member is found before it is
// passed on.
func (f *docxFile) inspect() error {
	if len(f.zip.File) > maxMembers {
		return fmt.Errorf("the file holds %d members; at most %d are read", len(f.zip.File), maxMembers)
	}
	room := int64(maxUnpacked)
	seen := map[string]bool{}
	for _, m := range f.zip.File {
		low := strings.ToLower(m.Name)
		switch {
		case unsafeName(m.Name):
			return fmt.Errorf("the member %q has a name that leads out of the file", m.Name)
		case seen[low]:
			return fmt.Errorf("the member %q stands twice", m.Name)
		case m.Flags&1 != 0:
			return errors.New("the file has a password; save it without one")
		case strings.HasPrefix(low, "_xmlsignatures/"):
			return errors.New("the file is signed, and filling it in would break the signature; save it unsigned")
		case path.Base(low) == "vbaproject.bin":
			return errors.New("the file has macros; save it as .docx")
		}
		seen[low] = true
		n, content, err := unpack(m, room)
		if err != nil {
			return err
		}
		room -= n
		if content != nil {
			f.content[m.Name] = content
		}
	}
	return nil
}

func unsafeName(name string) bool {
	return name == "" || strings.ContainsAny(name, "\\:\x00") || strings.HasPrefix(name, "/") ||
		slices.Contains(strings.Split(name, "/"), "..")
}

// unpack reads a member that takes at most room, and keeps XML.
func unpack(m *zip.File, room int64) (int64, []byte, error) {
	r, err := m.Open()
	if err != nil {
		return 0, nil, fmt.Errorf("unpack %s: %w", m.Name, err)
	}
	defer r.Close()
	var kept bytes.Buffer
	into := io.Writer(io.Discard)
	// The reader fails on a member that holds more than its header says.
	if path.Ext(m.Name) == ".xml" && m.UncompressedSize64 <= maxPart {
		into = &kept
	}
	n, err := io.Copy(into, io.LimitReader(r, room+1))
	switch {
	case n > room:
		return 0, nil, fmt.Errorf("the file unpacks to over %d bytes", maxUnpacked)
	case err != nil:
		return 0, nil, fmt.Errorf("unpack %s: %w", m.Name, err)
	case into == io.Discard:
		return n, nil, nil
	}
	return n, kept.Bytes(), nil
}

// findParts reads in [Content_Types].xml which members people write in: their
// names are only a custom.
func (f *docxFile) findParts() error {
	raw, ok := f.content["[Content_Types].xml"]
	if !ok {
		return errors.New("not a .docx: it has no [Content_Types].xml")
	}
	var types struct {
		Override []struct {
			PartName    string `xml:",attr"`
			ContentType string `xml:",attr"`
		}
	}
	if err := xml.Unmarshal(raw, &types); err != nil {
		return fmt.Errorf("[Content_Types].xml: %w", err)
	}
	written := []string{"document.main", "header", "footer", "footnotes", "endnotes"}
	body := false
	for _, o := range types.Override {
		kind, ok := strings.CutPrefix(o.ContentType, "application/vnd.openxmlformats-officedocument.wordprocessingml.")
		kind = strings.TrimSuffix(kind, "+xml")
		name := strings.TrimPrefix(o.PartName, "/")
		if !ok || !slices.Contains(written, kind) || slices.Contains(f.parts, name) {
			continue
		}
		if f.content[name] == nil {
			return fmt.Errorf("%s is missing, or larger than %d bytes", name, maxPart)
		}
		body = body || kind == "document.main"
		f.parts = append(f.parts, name)
	}
	if !body {
		return errors.New("not a .docx: it has no text; a template must be saved as .docx, not .dotx or .docm")
	}
	return nil
}

// write packs the file again: members that were not filled are copied as they
// were packed.
func (f *docxFile) write(filled map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if err := z.SetComment(f.zip.Comment); err != nil {
		return nil, err
	}
	for _, m := range f.zip.File {
		content, ok := filled[m.Name]
		if !ok {
			if err := z.Copy(m); err != nil {
				return nil, fmt.Errorf("copy %s: %w", m.Name, err)
			}
			continue
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: m.Name, Method: zip.Deflate, Modified: m.Modified})
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", m.Name, err)
		}
		if _, err := w.Write(content); err != nil {
			return nil, fmt.Errorf("pack %s: %w", m.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
