if __name__ != "xorder.xas":
    raise ImportError("this folder is the package xorder.xas: write `import xorder.xas`")
