import CoreDiffusion
import CoreNets
import CoreTensor
import Testing

@Suite("DINOv2 against transformers")
struct Dinov2Tests {
    @Test(
        "the class vector is transformers', whatever the image's size",
        arguments: ["dinov2", "dinov2-swiglu"], ["own", "larger", "oblong", "same", "small"])
    func output(folder: String, name: String) throws {
        let fixture = try Fixture(folder)
        let model = try DiffusionPipeline.loadDinov2(fixture.folder)
        let found = model(try fixture.image(name + ".pixel_values"))
        #expect(distance(found, try fixture.tensor(name + ".cls")) < parity)
    }

    @Test(
        "keys that mean another network are refused by name",
        arguments: [
            ("hidden_act", JSONValue.text("silu")), ("drop_path_rate", .number(0.1)), ("invented", .number(1)),
            ("model_type", .text("vit")), ("patch_size", .numbers([14, 7])), ("num_attention_heads", .number(3)),
            ("hidden_size", .number(1e9)),
        ])
    func refusals(key: String, value: JSONValue) throws {
        var values = try JSONValue.object(path: Fixture.path("dinov2") + "/config.json")
        values[key] = value
        #expect {
            try Dinov2Configuration(ConfigurationReader(values, label: "config.json"))
        } throws: { error in
            (error as? DiffusionError)?.message.contains(key) == true
        }
    }
}
