if __name__ != "xorder.diffraction":
    raise ImportError(
        "this folder is the package xorder.diffraction: write `import xorder.diffraction`"
    )
