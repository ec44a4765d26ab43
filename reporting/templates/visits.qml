<qgis version="3.22.0" styleCategories="Symbology|Labeling|Temporal" labelsEnabled="1">
  <renderer-v2 type="singleSymbol" symbollevels="0" forceraster="0" enableorderby="0">
    <symbols>
      <symbol type="fill" name="0" alpha="1" clip_to_extent="1" force_rhr="0">
        <layer class="SimpleFill" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="color" value="179,71,0,25"/>
            <Option type="QString" name="style" value="solid"/>
            <Option type="QString" name="outline_color" value="179,71,0,255"/>
            <Option type="QString" name="outline_style" value="solid"/>
            <Option type="QString" name="outline_width" value="0.5"/>
            <Option type="QString" name="outline_width_unit" value="MM"/>
          </Option>
        </layer>
      </symbol>
    </symbols>
  </renderer-v2>
  <labeling type="simple">
    <settings>
      <text-style fieldName="&quot;visit_id&quot;" isExpression="1" fontFamily="Open Sans" fontSize="8" fontSizeUnit="Point" textColor="20,20,20,255">
        <text-buffer bufferDraw="1" bufferSize="0.8" bufferSizeUnits="MM" bufferColor="255,255,255,255" bufferOpacity="0.8"/>
      </text-style>
      <placement placement="1" dist="2" distUnits="MM"/>
    </settings>
  </labeling>
  <temporal enabled="1" mode="2" startField="arrival_earliest" endField="departure_latest" durationField="" durationUnit="min" fixedDuration="0" accumulate="0" limitMode="0" startExpression="" endExpression="">
    <fixedRange>
      <start></start>
      <end></end>
    </fixedRange>
  </temporal>
  <layerGeometryType>2</layerGeometryType>
</qgis>
