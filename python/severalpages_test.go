package python_test

import (
	"strings"
	"testing"
)

// TestSeveralPages: several pages in one repository are served where their server says how.
func TestSeveralPages(t *testing.T) {
	const panel, streamlit = "import panel as pn\npn.panel('x').servable()\n", "import streamlit as st\nst.title('x')\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string // of the command for web, or of the problem
	}{
		{"of Panel", map[string]string{"requirements.txt": "panel==1.8.0\n", "sales.py": panel, "stock.py": panel, "parts.py": "import panel as pn\n"}, "panel serve sales.py stock.py --address"},
		{"of Panel with one name", map[string]string{"requirements.txt": "panel==1.8.0\n", "a/sales.py": panel, "b/sales.py": panel}, "several files could be the panel page"},
		{"of Streamlit beside pages", map[string]string{"requirements.txt": "streamlit==1.50.0\n", "shop/sales.py": streamlit, "tools/old.py": streamlit, "shop/pages/more.py": streamlit}, "streamlit run shop/sales.py"},
		{"of Streamlit with navigation", map[string]string{"requirements.txt": "streamlit==1.50.0\n", "sales.py": streamlit, "stock.py": streamlit, "start.py": streamlit + "st.navigation([st.Page('sales.py'), st.Page('stock.py')]).run()\n"}, "streamlit run start.py"},
		{"of Gradio, deep in a package", map[string]string{"requirements.txt": "gradio==5.0.0\n", "app.py": "from src.lab.ui.page import make\n\nif __name__ == '__main__':\n    demo = make()\n    demo.launch(server_name='0.0.0.0', server_port=7860)\n",
			"src/lab/ui/page.py": "import gradio as gr\n\n\ndef make():\n    return gr.Blocks()\n", "src/__init__.py": "", "src/lab/__init__.py": "", "src/lab/ui/__init__.py": ""}, `runpy.run_path("app.py"`},
		{"of Streamlit", map[string]string{"requirements.txt": "streamlit==1.50.0\n", "sales.py": streamlit, "stock.py": streamlit}, "several files could be the streamlit page"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := detected(t, c.files)
			got := string(p.Processes["web"])
			for _, problem := range p.Problems {
				got += problem.Message
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
