package bulletin

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"xunjian/alerting/report/sheet"
)

// A chart is drawn at twice the size it is shown at, for sharp screens and
// paper.
const (
	ChartWidth, ChartHeight = 560, 190
	density                 = 2
)

// inks tell lines apart, also for those who see few colours and in print.
var inks = []color.RGBA{{0x1f, 0x5f, 0xa8, 255}, {0xc4, 0x50, 0x0c, 255}, {0x1a, 0x7f, 0x4b, 255}, {0x7a, 0x3e, 0x9d, 255}, {0x8a, 0x6d, 0x00, 255}, {0x4a, 0x55, 0x60, 255}}

// maxLines is how many lines one chart shows; the caller puts the weighty first.
const maxLines = 6

var (
	ink    = color.RGBA{0x1f, 0x29, 0x33, 255}
	faint  = color.RGBA{0x66, 0x70, 0x85, 255}
	grid   = color.RGBA{0xe4, 0xe7, 0xec, 255}
	shade  = color.RGBA{0xf2, 0xee, 0xe6, 255}
	danger = color.RGBA{0xb4, 0x23, 0x18, 255}
)

// pen draws charts; it is not safe for concurrent use.
type pen struct {
	face font.Face
	img  *image.RGBA
}

func newPen() (*pen, error) {
	f, err := opentype.Parse(sheet.Font())
	if err != nil {
		return nil, fmt.Errorf("type of charts: %w", err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: 11.5 * density, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, fmt.Errorf("type of charts: %w", err)
	}
	return &pen{face: face}, nil
}

// png draws a chart on white, so that it can be read on any ground.
func (p *pen) png(c Chart) ([]byte, error) {
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	err := enc.Encode(&b, p.draw(c))
	return b.Bytes(), err
}

func (p *pen) draw(c Chart) image.Image {
	p.img = image.NewRGBA(image.Rect(0, 0, ChartWidth*density, ChartHeight*density))
	draw.Draw(p.img, p.img.Bounds(), image.White, image.Point{}, draw.Src)
	p.text(8, 16, c.Title, ink, left)
	low, high, step := c.span()
	write := c.Write
	if write == nil {
		write = func(v float64) string { return fmt.Sprintf("%g", v) }
	}
	const top, bottom, right = 28, ChartHeight - 40, ChartWidth - 12
	begin := 0.0
	for v := low; v <= high+step/2; v += step {
		begin = max(begin, p.width(write(v)))
	}
	begin += 14
	x := func(t time.Time) float64 {
		return begin + (right-begin)*float64(t.Sub(c.From))/float64(max(c.To.Sub(c.From), 1))
	}
	y := func(v float64) float64 { return bottom - (bottom-top)*(v-low)/(high-low) }

	for _, g := range c.gaps() {
		p.box(x(g[0]), top, x(g[1]), bottom, shade)
		if w := p.width(c.Gap); c.Gap != "" && w+8 < x(g[1])-x(g[0]) && len(c.Lines) > 0 {
			p.text((x(g[0])+x(g[1]))/2, (top+bottom)/2+4, c.Gap, faint, middle)
		}
	}
	for v := low; v <= high+step/2; v += step {
		p.box(begin, y(v), right, y(v)+0.5, grid)
		p.text(begin-6, y(v)+4, write(v), faint, end)
	}
	at, layout := c.times()
	for _, t := range at {
		p.box(x(t), top, x(t)+0.5, bottom, grid)
		p.text(x(t), bottom+14, t.Format(layout), faint, middle)
	}
	for _, l := range c.Limits {
		if l >= low && l <= high {
			for dash := begin; dash < right; dash += 8 {
				p.box(dash, y(l)-0.4, min(dash+4, right), y(l)+0.4, danger)
			}
		}
	}
	points, legend := 0, begin
	for n, l := range c.Lines[:min(len(c.Lines), maxLines)] {
		for _, run := range c.runs(l) {
			points += len(run)
			path := make([][2]float64, len(run))
			for k, pt := range run {
				path[k] = [2]float64{x(pt.At), y(pt.Value)}
			}
			p.path(path, inks[n])
		}
		if len(c.Lines) > 1 || l.Name != "" {
			name := flat(l.Name)
			if w := p.width(name) + 26; legend+w <= right {
				p.box(legend, ChartHeight-12, legend+12, ChartHeight-10, inks[n])
				p.text(legend+16, ChartHeight-7, name, ink, left)
				legend += w
			}
		}
	}
	if points == 0 {
		p.text((begin+right)/2, (top+bottom)/2+4, c.None, faint, middle)
	}
	return p.img
}

// path strokes a line of straight parts; a single point is a dot.
func (p *pen) path(at [][2]float64, c color.RGBA) {
	const half = 0.8
	if len(at) == 1 {
		p.box(at[0][0]-1.2, at[0][1]-1.2, at[0][0]+1.2, at[0][1]+1.2, c)
		return
	}
	r := vector.NewRasterizer(ChartWidth*density, ChartHeight*density)
	quad := func(pts ...[2]float64) {
		for n, q := range pts {
			if qx, qy := float32(q[0]*density), float32(q[1]*density); n == 0 {
				r.MoveTo(qx, qy)
			} else {
				r.LineTo(qx, qy)
			}
		}
		r.ClosePath()
	}
	for n := 1; n < len(at); n++ {
		a, b := at[n-1], at[n]
		dx, dy := b[0]-a[0], b[1]-a[1]
		length := math.Hypot(dx, dy)
		if length == 0 {
			continue
		}
		// Drawn a little over its ends, so that corners close.
		ux, uy := dx/length*half, dy/length*half
		nx, ny := -uy, ux
		quad([2]float64{a[0] - ux/2 + nx, a[1] - uy/2 + ny}, [2]float64{b[0] + ux/2 + nx, b[1] + uy/2 + ny},
			[2]float64{b[0] + ux/2 - nx, b[1] + uy/2 - ny}, [2]float64{a[0] - ux/2 - nx, a[1] - uy/2 - ny})
	}
	r.Draw(p.img, p.img.Bounds(), image.NewUniform(c), image.Point{})
}

func (p *pen) box(x1, y1, x2, y2 float64, c color.RGBA) {
	scale := func(v float64) int { return int(math.Round(v * density)) }
	r := image.Rect(scale(x1), scale(y1), max(scale(x2), scale(x1)+1), max(scale(y2), scale(y1)+1))
	draw.Draw(p.img, r, image.NewUniform(c), image.Point{}, draw.Src)
}

// Where a text stands from its point.
const (
	left = iota
	middle
	end
)

func (p *pen) text(x, y float64, s string, c color.RGBA, place int) {
	switch place {
	case middle:
		x -= p.width(s) / 2
	case end:
		x -= p.width(s)
	}
	d := font.Drawer{Dst: p.img, Src: image.NewUniform(c), Face: p.face, Dot: fixed.Point26_6{X: fixed.Int26_6(x * density * 64), Y: fixed.Int26_6(y * density * 64)}}
	d.DrawString(s)
}

func (p *pen) width(s string) float64 {
	return float64(font.MeasureString(p.face, s)) / 64 / density
}
