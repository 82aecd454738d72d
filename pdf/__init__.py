if __name__ != "xorder.pdf":
    raise ImportError("this folder is the package xorder.pdf: write `import xorder.pdf`")
