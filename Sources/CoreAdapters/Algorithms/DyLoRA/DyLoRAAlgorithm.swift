import RunSpec

/// DyLoRA: trained in blocks of ranks, written as LoRA.
struct DyLoRAAlgorithm: LoRAFiles {
    let algorithm = Algorithm.dylora

    func create(at site: LayerSite, _ layer: NewLayer) throws -> any LayerUpdate {
        try DyLoRAUpdate.create(site.geometry, layer)
    }
}
