import Foundation
import TestSupport
import Testing

@Suite("Asking sd-scripts itself")
struct KohyaProbeTests {
    /// The command line of sd-scripts as far as it matters here: options that it does not know end it, and
    /// `--output_config` writes what it understood.
    private static let script = """
        import argparse, os, sys
        parser = argparse.ArgumentParser(prog="train_network.py")
        for name in ["train_data_dir", "output_dir", "output_name", "logging_dir", "log_with", "save_model_as",
                     "config_file", "network_module"]:
            parser.add_argument("--" + name)
        for name in ["network_dim", "seed", "save_every_n_epochs", "max_train_epochs", "train_batch_size",
                     "save_last_n_epochs_state"]:
            parser.add_argument("--" + name, type=int)
        parser.add_argument("--unet_lr", type=float)
        parser.add_argument("--network_args", nargs="*")
        for name in ["save_state", "cache_latents", "output_config", "save_state_on_train_end"]:
            parser.add_argument("--" + name, action="store_true")
        args = parser.parse_args()
        assert args.output_config and not os.path.exists(args.config_file)
        open(args.config_file, "w").write("unet_lr = %r\\n" % args.unet_lr)

        """

    @Test("options that it does not know are named, and nothing is said where it takes all")
    func asked() throws {
        let folder = try TemporaryFolder()
        let script = try folder.write("train_network.py", Self.script)
        func check(_ toml: String) throws -> RadiataProgram.Ended {
            _ = try folder.write("c.toml", toml)
            let file = try folder.write(
                "s.yaml",
                """
                name: t
                trainer: { profile: kohya, config: c.toml, values: { script: \(script) } }
                groups: [ { grid: { unet_lr: [1e-4, 2e-4] } } ]
                """)
            return try RadiataProgram.run(["check", file, "--ask-trainer"])
        }
        let toml = """
            network_module = "lycoris.kohya"
            network_dim = 8
            network_args = ["algo=lokr", "factor=4"]
            max_train_epochs = 4
            cache_latents = true
            unet_lr = 1e-4

            """
        let right = try check(toml)
        #expect(!right.output.contains("says:"), "\(right)")
        let wrong = try check(toml.replacing("network_dim = 8", with: "network_dim = \"eight\""))
        #expect(wrong.status == 1 && wrong.output.contains("invalid int value: 'eight'"), "\(wrong)")
        let unknown = try check(toml + "nettwork_alpha = 4\n")
        #expect(unknown.output.contains("unrecognized arguments: --nettwork_alpha"), "\(unknown)")
        try FileManager.default.removeItem(atPath: script)
        #expect(try check(toml).status == 2)
    }
}
