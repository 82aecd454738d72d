if __name__ != "xorder.reference_spectra":
    raise ImportError(
        "this folder is the package xorder.reference_spectra: "
        "write `import xorder.reference_spectra`"
    )
