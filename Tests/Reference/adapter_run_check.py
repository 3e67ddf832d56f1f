"""Holds `radiata model run --adapter` against lycoris-lora's own forward pass in f64, with adapter files that the package
itself writes on the spot: every algorithm and option of CoreAdaptersTests' generator, random weights of another seed.
Then against PEFT's forward pass with folders that it saves on the spot (patterns, rsLoRA, DoRA, biases, LoHa, LoKr), and
against the formulas for what other programs put beside a LoRA (scalars, magnitudes, biases, differences).

    python3 adapter_run_check.py ../../.build/release/radiata [SEED]

Wanted: outputs of the U-Net and the text encoder to 5e-6 of their largest value.
"""

import pathlib
import subprocess
import sys
import tempfile

from safetensors.torch import load_file, save_file

fixtures = pathlib.Path(__file__).parent.parent / "CoreAdaptersTests" / "Fixtures"
sys.path.insert(0, str(fixtures))
import generate_forms  # noqa: E402
from generate import CASES, PIPELINE, VARIANTS, as_lora, make_network, read_inputs, read_pipeline, run, state  # noqa: E402

radiata, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1009
unet, text = read_pipeline()
inputs = read_inputs()
worst = 0
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    save_file({k: v for k, v in inputs.items() if k != "input_ids"}, folder / "unet.safetensors")
    save_file({"input_ids": inputs["input_ids"]}, folder / "text-encoder.safetensors")

    def radiatas(component, output, adapter):
        out = folder / "out.safetensors"
        subprocess.run([radiata, "model", "run", "--model", PIPELINE, "--component", component, "--adapter", str(adapter),
                        "--inputs", str(folder / f"{component}.safetensors"), "--out", str(out)], check=True)
        return load_file(out)[output].double()

    plain = run(unet, text, inputs)
    for case, options in (CASES | VARIANTS).items():
        networks = [make_network(unet, "unet", seed, **options), make_network(text, "text", seed + 1, **options)]
        adapter = folder / f"{case}.safetensors"
        save_file(state(networks[0]) | state(networks[1]), adapter)
        if case == "dylora":
            files = [{k: v.detach().clone() for k, v in n.state_dict().items()} for n in networks]
            for network in networks:
                network.restore()
            networks = [as_lora(f, m, side) for f, m, side in zip(files, (unet, text), ("unet", "text"))]
        wanted = run(unet, text, inputs)
        for network in networks:
            network.restore()
        found = radiatas("unet", "sample", adapter), radiatas("text-encoder", "last_hidden_state", adapter)
        errors = [float((f - w).abs().max() / w.abs().max()) for f, w in zip(found, wanted)]
        effects = [float((w - p).abs().max() / p.abs().max()) for w, p in zip(wanted, plain)]
        assert min(effects) > 0.01, f"{case} changes next to nothing: {effects}"
        print(f"{case:16} U-Net {errors[0]:.1e}, text encoder {errors[1]:.1e}", flush=True)
        worst = max(worst, *errors)
    expected = {}
    generate_forms.write_folders(inputs, expected, name, seed + 2)
    folders = list(expected)
    generate_forms.write_forms(inputs, expected, name, seed + 3)
    for case, wanted in expected.items():
        source, _, half = case.partition(".")
        path = str(folder / "peft" / source if source in folders else folder / f"form-{source}.safetensors")
        found = radiatas("unet", "sample", path + (":0.5" if half else ""))
        error = float((found - wanted).abs().max() / wanted.abs().max())
        assert float((wanted - plain[0]).abs().max() / plain[0].abs().max()) > 0.002, f"{case} changes next to nothing"
        print(f"{case:16} U-Net {error:.1e}", flush=True)
        worst = max(worst, error)
print(f"{len(CASES | VARIANTS) + len(expected)} files, worst {worst:.1e} of 5e-6")
assert worst < 5e-6
